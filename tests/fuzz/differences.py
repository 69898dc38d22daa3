"""Where we differ from h11 and llhttp on purpose: all the differences there may be.

None of them is a message that both take and that ends elsewhere, or says something
else; but for the two in the last table, of which no app of ours can see anything.
"""

from reading import Fields, Reading, Refused, Taken

# We take it, the oracle does not, and says this.
LENIENCES = {
    ("h11", "no request line received"): "RFC 9112 2.2: a server SHOULD ignore at least "
    "one empty line received prior to the request-line",
    ("llhttp", "Invalid method encountered"): "RFC 9110 9.1: methods are any token",
    ("llhttp", "Expected space after method"): "RFC 9110 9.1, as above",
    ("h11", "Received server _SWITCH_UPGRADE event without a pending proposal"): "RFC "
    "9110 15.2.2: whether a 101 was asked for is decided after its head was read",
    ("llhttp", "Pause on CONNECT/Upgrade"): "RFC 9110 15.2.2, as above",
    ("llhttp", "a 1xx that it does not know"): "RFC 9112 6.3: any 1xx ends with its head, "
    "whatever length it tells; none goes on with one",
    ("llhttp", "Data after `Connection: close`"): "RFC 9112 9.6: it is the final response "
    "that a close follows, not one of 1xx",
}  # fmt: skip

# The oracle takes it, we do not, and say this.
STRICTNESS = {
    "A chunk does not begin with its size in hex and CRLF.": "RFC 9112 7.1.1: nothing "
    "but BWS may stand there, which 'MUST be removed'; attackers write it",
    "A field is larger than 16 KiB.": "RFC 9110 5.4: a server may limit what it takes",
    "A field is not `name: value` on one line.": "RFC 9110 5.5: CTLs are invalid",
    "A line between chunks is longer than 4 KiB.": "RFC 9112 7.1.1: 'ought to limit the "
    "total length of chunk extensions'",
    "A line of the head does not end in CRLF.": "RFC 9112 2.2: a bare LF 'MAY' be taken",
    "A tab is beside what tells how the body ends.": "RFC 9110 5.6.3: SHOULD be a space",
    "A trailer is not `name: value` on one line.": "RFC 9112 7.1.2, as fields are",
    "A trailer tells how the body ends.": "RFC 9110 6.5.1: MUST NOT be generated there",
    "CONNECT is not for here: nothing is tunnelled.": "RFC 9110 9.3.6",
    "Connection lists a field that is not for one hop.": "RFC 9110 7.6.1: MUST NOT",
    "Content-Length and Transfer-Encoding come together.": "RFC 9112 6.1: a server MAY "
    "reject; 'ought to be handled as an error'",
    "Content-Length is larger than 2^63-1.": "RFC 9110 8.6: MUST prevent overflows",
    "Content-Length is not one decimal number.": "RFC 9110 8.6: a list of the same 'MAY' "
    "be replaced or rejected",
    "Only HTTP/1.0 and HTTP/1.1 are spoken here.": "RFC 9110 15.6.6",
    "PRI begins HTTP/2, which is not spoken here.": "RFC 9113 11.6: it is reserved",
    "The fields are larger than 32 KiB.": "RFC 9110 5.4, as above",
    "The first line does not end in CRLF.": "RFC 9112 2.2, as above",
    "The first line is longer than 8 KiB.": "RFC 9112 3: at least 8000 octets",
    "The first line is not `HTTP/1.1 status reason`.": "RFC 9110 15: 100 to 599",
    "The first line is not `method target HTTP/1.1`.": "RFC 9112 3: 'SHOULD NOT' be "
    "split on other whitespace, and nothing stands before it",
    "The host is longer than 253 characters.": "RFC 1035 2.3.4, less the root",
    "The host is not a name with perhaps a port.": "RFC 9112 3.2: MUST respond with 400",
    "The only expectation met here is 100-continue.": "RFC 9110 10.1.1: 417",
    "The only transfer coding known here is chunked.": "RFC 9112 6.1: SHOULD be 501",
    "The port of the host is not in 1..65535.": "RFC 9112 3.2, as above",
    "The target is neither a path nor an http URL.": "RFC 9112 3.2: SHOULD be 400",
    "The trailers are larger than 8 KiB.": "RFC 9110 5.4, as above",
    "There are more than 100 fields.": "RFC 9110 5.4, as above",
    "There is not exactly one Host.": "RFC 9112 3.2: MUST respond with 400",
    "Transfer-Encoding is not exactly one chunked.": "RFC 9112 6.1: MUST NOT be twice",
    "Transfer-Encoding is not for HTTP/1.0.": "RFC 9112 6.1: MUST be taken for faulty",
}

# Both take it, and the oracle makes something else of it.
APART = {
    ("llhttp", "a body behind an Upgrade"): "RFC 9110 7.8: an Upgrade MAY be ignored, "
    "and we do; llhttp switches at once. It never goes on with a body: see fields.py",
    (
        "llhttp",
        "close beside keep-alive",
    ): "RFC 9112 9.3: close wins; in HTTP/1.0 llhttp has the connection persist",
}


def compare(oracle: str, ours: Reading, theirs: Reading) -> tuple[str, str] | None:
    """Hold that both read alike; give which difference there is that is meant."""
    apart = oracle == "llhttp" and _upgrades_with_body(theirs)
    if isinstance(ours, Taken):
        if isinstance(theirs, Refused):
            assert (oracle, theirs.reason) in LENIENCES, theirs
            return oracle, theirs.reason
        assert isinstance(theirs, Taken), f"whole here, and for {oracle} it goes on"
        assert ours.line == theirs.line
        assert _plainly(ours.fields) == _plainly(theirs.fields)
        assert apart or (ours.body, ours.end) == (theirs.body, theirs.end)
        if theirs.keeps_alive not in {None, ours.keeps_alive}:
            assert oracle == "llhttp"
            assert {b"close", b"keep-alive"} <= _options(ours.fields)
            assert not ours.keeps_alive
            return oracle, "close beside keep-alive"
    elif isinstance(theirs, Taken) and not apart:
        assert isinstance(ours, Refused), f"whole for {oracle}, and not here"
        assert ours.reason in STRICTNESS, ours
        return oracle, ours.reason
    return (oracle, "a body behind an Upgrade") if apart else None


def _plainly(fields: Fields) -> Fields:
    # h11 writes the codings that it knows in lower case.
    return [
        (name, value.lower() if name == b"transfer-encoding" else value)
        for name, value in fields
    ]


def _upgrades_with_body(theirs: Reading) -> bool:
    if not isinstance(theirs, Taken):
        return False
    names = {name for name, _ in theirs.fields}
    return (
        b"upgrade" in names
        and b"upgrade" in _options(theirs.fields)
        and not names.isdisjoint((b"content-length", b"transfer-encoding"))
    )


def _options(fields: Fields) -> set[bytes]:
    values = [value.lower() for name, value in fields if name == b"connection"]
    return {option.strip(b" \t") for value in values for option in value.split(b",")}
