"""What compiled records have in common with named tuples."""

import pytest

from dfks_rules.model.requests import FeatureRequest, Operation, Origin, Requester
from tests.helpers.policy import ALICE, DND, PHONE, get


def test_records_with_equal_fields_are_equal() -> None:
    """Requests that were tried are kept in a set; each equals itself, not only by identity."""
    request = FeatureRequest(Operation.GET, ALICE, PHONE, DND)
    assert request.__eq__(request)
    assert request == FeatureRequest(Operation.GET, ALICE, PHONE._replace(), DND)
    assert len({request, get(), get()._replace(operation=Operation.SET)}) == 2
    assert request != get()._replace(operation=Operation.SET)
    assert request != Requester(Origin.OPERATOR)


def test_a_record_with_another_field_leaves_the_first_as_it_was() -> None:
    """Outcomes share their requests."""
    other = PHONE._replace(device="2001", param=None)
    assert (other.device, other.watcher, PHONE.device) == ("2001", PHONE.watcher, None)


def test_a_record_has_no_other_fields() -> None:
    """A typo must not be carried about."""
    with pytest.raises(TypeError):
        PHONE._replace(devise="2001")


def test_a_record_shows_its_fields() -> None:
    """Failing tests show them."""
    shown = repr(Requester(Origin.OPERATOR, param="x"))
    assert shown.startswith("Requester(origin=<Origin.OPERATOR: 'operator'>, watcher=None, device=")
    assert shown.endswith("param='x', identity=None, actor=None)")
