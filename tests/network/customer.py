"""A customer's DNS that can fail: the demo's, which says what it is told."""

from domicile.demo import customer


class CustomerDns(customer.CustomerDns):
    """Keeps who was asked for; `silent`, or with an `rcode` for everybody, if told so."""

    def __init__(self):
        super().__init__()
        self.asked = []
        self.silent = False
        self.rcode = None

    def answer(self, query):
        self.asked.append(query.question[0].name.to_text(omit_final_dot=True))
        if self.silent:
            return None
        response = super().answer(query)
        if self.rcode is not None:
            response.answer.clear()
            response.set_rcode(self.rcode)
        return response
