"""What is published of the HTTP API is what the server serves."""

from tests.helpers.reference import DOCUMENT, PAGE, document_text, page_text


def test_the_published_document_is_the_servers() -> None:
    """`make fix` writes it anew; a removal is seen by whoever reviews the change."""
    assert DOCUMENT.read_text("utf-8") == document_text()


def test_the_reference_page_describes_every_operation() -> None:
    """As the table has it; `make fix` writes it anew."""
    page = PAGE.read_text("utf-8")
    assert page == page_text(page)
