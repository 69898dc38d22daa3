"""Says which app answered, in which cluster, at which generation."""

import os

from flask import Flask, Response

app = Flask(__name__)


@app.get("/", defaults={"path": ""})
@app.get("/<path:path>")
def hello(path: str) -> Response:
    name, cluster, generation = (
        os.environ.get(key, "?")
        for key in ("DOMICILE_APP", "DOMICILE_CLUSTER", "DOMICILE_GENERATION")
    )
    response = Response(
        f"hello from {name} in {cluster}, generation {generation}: /{path}\n",
        mimetype="text/plain",
    )
    response.headers["App"] = name
    response.headers["Cluster"] = cluster
    response.headers["Generation"] = generation
    return response


if __name__ == "__main__":
    app.run(os.environ["HOST"], int(os.environ["PORT"]), threaded=True)
