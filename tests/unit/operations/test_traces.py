"""What can be asked of traces."""

from dfks_rules.operations.traces import TraceForm


def test_each_form_is_found_by_its_content_type() -> None:
    """A client asks for it by Accept."""
    assert TraceForm("application/x-pcapng") is TraceForm.PCAPNG
    assert len({form.value for form in TraceForm}) == 3
