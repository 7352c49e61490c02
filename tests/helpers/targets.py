"""Targets of forwardings as phones and people write them, and the URIs that they are."""

import random

WRITTEN = (
    ("201", "sip:201@a.example"),
    (" 0 (30) 71/23-456 ", "sip:0307123456@a.example"),
    ("+1-900-444-0100", "sip:+19004440100@a.example"),
    ("２０１", "sip:201@a.example"),  # noqa: RUF001 - full width
    ("*72", "sip:*72@a.example"),
    ("#31#0123", "sip:%2331%230123@a.example"),
    ("9,0402345678", "sip:9,0402345678@a.example"),
    ("carol", "sip:carol@a.example"),
    ("carol.smith", "sip:carol.smith@a.example"),
    ("o'brien", "sip:o'brien@a.example"),
    ("carol@b.example", "sip:carol@b.example"),
    ("sip:201", "sip:201@a.example"),
    ("sip:carol@b.example:5070;transport=tcp", "sip:carol@b.example:5070;transport=tcp"),
    ("SIPS:carol@b.example?Subject=x", "sips:carol@b.example"),
    ("sip:carol:secret@b.example", "sip:carol@b.example"),
    ("sip:+1 (900) 444@b.example;user=phone", "sip:+1900444@b.example;user=phone"),
    ("sip:%2B49301@[2001:db8::1]:5060", "sip:+49301@[2001:db8::1]:5060"),
    ('"Bob" <sip:bob@b.example>;q=1', "sip:bob@b.example"),
    ("tel:+49-30-12", "sip:+493012@a.example"),
    ("tel:5678901;phone-context=+49-30", "sip:+49305678901@a.example"),
    ("callto:201", "sip:201@a.example"),
)
"""What is written, and the URI that it is for a user of a.example."""
NOBODY = (
    *("", " ", "<>", "@b.example", "carol@", "sip:@b.example", "carol smith", "jürgen"),
    *("carol@b.example>\r\nX: y", "carol@b.example\r\nX: y", "carol@b example", "<carol"),
    *("sip:b.example", "sip:192.0.2.1", "sip:a@b@c.example", "sip:sip:a@c.example"),
    *("tel:carol", "http://b.example", "http://carol@b.example", "urn:service:sos"),
    *("201%40b.example", "%31%", "201%0d%0aX", "carol@b.example:port", "carol@[::1", "a%2531"),
    *("201;phone-context=+49;phone-context=+1", "201; phone-context=+49", "201;1"),
)
"""What has no URI."""
_PIECES = (
    *("sip:", "SIPS:", "tel:", "CallTo:", "<", ">", '"', "\\", "@", ":", ";", "?", "[", "]", "%"),
    *(";phone-context=", "+49", "phone-context", ";transport=tcp", "a.example", "192.0.2.1", "::1"),
    *(
        "201",
        "0",
        "9",
        "*",
        "#",
        "+",
        ",",
        "-",
        ".",
        "(",
        ")",
        "/",
        " ",
        "carol",
        "ü",
        "K",
        "\u212a",
    ),
    *(
        "%31",
        "%2B",
        "%2b",
        "%23",
        "%40",
        "%",
        "\uff11",
        "\uff0b",
        "\xa0",
        "=",
        "\r\n",
        "\n",
        "'",
        "!",
    ),
)


def random_targets(seed: int, count: int) -> list[str]:
    """What nobody would write, the same for the same seed."""
    chance = random.Random(seed)
    return ["".join(chance.choices(_PIECES, k=chance.randint(1, 9))) for _ in range(count)] + [
        _spoilt(chance) for _ in range(count)
    ]


def _spoilt(chance: random.Random) -> str:
    """A good one with something put in or taken out."""
    text, _ = chance.choice(WRITTEN)
    for _ in range(chance.randint(1, 3)):
        at = chance.randint(0, len(text))
        text = text[:at] + chance.choice(_PIECES) + text[at + chance.randint(0, 2) :]
    return text
