// Says which app answered, in which cluster, at which generation, as `hello` does.
const express = require("express");

const { HOST, PORT, DOMICILE_APP, DOMICILE_CLUSTER, DOMICILE_GENERATION } = process.env;

const app = express();

app.use((request, response) => {
    response.set({ App: DOMICILE_APP, Cluster: DOMICILE_CLUSTER });
    response.type("text/plain").send(
        `hello from ${DOMICILE_APP} in ${DOMICILE_CLUSTER}, ` +
        `generation ${DOMICILE_GENERATION}, by Express: ${request.path}\n`);
});

app.listen(PORT, HOST);
