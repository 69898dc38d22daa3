"""Every error becomes a problem with the right status, and none tells too much."""

import errno
import http
import importlib
import inspect
import pkgutil

import pytest
from litestar.exceptions import NotFoundException, ValidationException

import domicile.directory
import domicile.model
from domicile.directory.apps import NotFound
from domicile.directory.authority import BadAuthorityFolder
from domicile.directory.challenges import NotYetEverywhere
from domicile.directory.problems import STATUSES, problem_of
from domicile.errors import DomicileError
from domicile.model.sealing import BadSealingKey, CannotUnseal
from domicile.service.asking import NoAnswer
from domicile.store.dialect import StoreFull
from domicile.store.leases import LostLease

# Raised only while the directory starts, or where nobody is answered.
NEVER_ANSWERED = {BadAuthorityFolder, BadSealingKey, CannotUnseal, LostLease}

# Those whom the directory asks, or waits for, did not answer it; and its disk is full.
NOT_THE_CALLERS = {NoAnswer: 502, NotYetEverywhere: 503, StoreFull: 507}


def errors_in(package):
    for found in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        module = importlib.import_module(found.name)
        for _, each in inspect.getmembers(module, inspect.isclass):
            if issubclass(each, DomicileError) and each is not DomicileError:
                yield each


RAISED = sorted(
    {*errors_in(domicile.directory), *errors_in(domicile.model)} - NEVER_ANSWERED,
    key=lambda each: each.__name__,
)


@pytest.mark.parametrize("error", RAISED)
def test_an_error_that_a_caller_can_cause_is_not_the_directorys_fault(error):
    """A new error belongs in the table."""
    problem = problem_of(error("what was wrong"))
    assert problem.status == NOT_THE_CALLERS.get(error, problem.status)
    assert problem.status < 500 or error in NOT_THE_CALLERS
    assert problem.detail == "what was wrong"
    assert problem.type == f"urn:domicile:{error.__name__}"


def test_a_subclass_answers_as_what_it_is_a_kind_of():
    class NoSuchMoon(NotFound):
        pass

    assert problem_of(NoSuchMoon("none")).status == 404


def test_an_unlisted_error_of_ours_is_a_500_with_its_sentence():
    problem = problem_of(BadAuthorityFolder("the folder is bad"))
    assert (problem.status, problem.detail) == (500, "the folder is bad")


def test_a_full_disk_is_told_as_such_and_no_other_trouble_of_the_system():
    assert problem_of(OSError(errno.ENOSPC, "full")).status == 507
    assert problem_of(OSError(errno.EIO, "broken")).status == 500


def test_an_unexpected_error_tells_nothing_of_itself():
    problem = problem_of(RuntimeError("the secret path"))
    assert problem.status == 500
    assert "secret" not in str(problem)
    assert "RuntimeError" not in str(problem)


@pytest.mark.parametrize("status", sorted(set(STATUSES.values())))
def test_every_status_is_one_of_http(status):
    assert http.HTTPStatus(status) == status


def test_the_frameworks_errors_keep_their_status():
    assert problem_of(NotFoundException()).status == 404
    problem = problem_of(
        ValidationException("bad", extra=[{"message": "Expected `str`", "key": "name"}])
    )
    assert (problem.status, problem.detail) == (400, "Expected `str`")
