"""The tables of differences say no more than is so: the corpus shows each row."""

from differences import APART, LENIENCES, STRICTNESS, compare
from mutation import load
from oracles import ask_h11, ask_h11_for_response, ask_llhttp, ask_llhttp_for_response
from reading import read_request, read_response
from twins import find_twins

(HTTP, *_) = find_twins("domicile.http", "head", "host", "body", "fields")


def test_the_corpus_shows_each_difference_from_h11_and_llhttp_that_is_meant():
    shown = set()
    for stream in load("http", "requests").values():
        ours = read_request(HTTP, [stream])
        shown.add(compare("h11", ours, ask_h11(stream)))
        shown.add(compare("llhttp", ours, ask_llhttp(stream)))
    for stream in load("http", "responses").values():
        ours = read_response(HTTP, [stream], b"GET")
        shown.add(compare("h11", ours, ask_h11_for_response(stream, b"GET")))
        shown.add(compare("llhttp", ours, ask_llhttp_for_response(stream, b"GET")))
    taken = {*LENIENCES, *APART}
    assert taken <= shown
    assert {reason for _, reason in shown - taken - {None}} == STRICTNESS.keys()
