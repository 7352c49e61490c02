"""One document: its root, and the texts of its children."""

import pytest

from dfks_rules.csta.xml import read
from dfks_rules.errors import MalformedMessageError

NAMESPACE = ' xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3"'
CHILDREN = "<device/><forwardDN> 2424 </forwardDN>"
READ = ("R", {"device": "", "forwardDN": "2424"})

SHAPES = {
    "bare": f"<R>{CHILDREN}</R>",
    "declared, in a namespace": (
        f'<?xml version="1.0" encoding="utf-8"?>\r\n<R{NAMESPACE}>{CHILDREN}</R>'
    ),
    "prefixed": "<c:R xmlns:c='u'><c:device/>\n<c:forwardDN>2424</c:forwardDN></c:R>\n",
    "with an attribute": f'<R id="1">{CHILDREN}</R>',
    "with a comment": f"<R><!-- -->{CHILDREN}</R>",
    "with a reference": "<R><device/><forwardDN>&#50;424</forwardDN></R>",
    "with a section": "<R><device/><forwardDN><![CDATA[2424]]></forwardDN></R>",
    "with a child twice": f"<R><device></device>{CHILDREN}</R>",
    "with a strange child": f"<R><strange>1</strange>{CHILDREN}</R>",
    "with many children": f"<R>{CHILDREN * 20}</R>",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_document_reads_the_same(shape: str) -> None:
    """Whether it has the usual shape or not."""
    assert read(SHAPES[shape].encode()) == READ


@pytest.mark.parametrize(
    "body",
    [
        "<R><device></forwardDN></R>",
        "<R><device>a</R>",
        "<R><device>&</device></R>",
        "<R><device>]]></device></R>",
        "<R></S>",
        "<R xmlns=a></R>",
        "<R/><R/>",
        "<?xml version=\"1.0' ?><R></R>",
    ],
)
def test_what_is_not_well_formed_is_refused(body: str) -> None:
    """Nothing may pass only because it nearly has the usual shape."""
    with pytest.raises(MalformedMessageError) as raised:
        read(body.encode())
    assert raised.value.code == "csta_malformed"


def test_a_document_that_never_ends_is_refused_in_linear_time() -> None:
    """A peer cannot make the expression for the usual shape go over a body again and again."""
    with pytest.raises(MalformedMessageError):
        read(b"<R>" + b" <device>" * 7_000)


def test_a_root_is_no_element_that_is_read() -> None:
    """Whatever its name."""
    assert read(b"<device>a<!-- --></device>") == ("device", {})
