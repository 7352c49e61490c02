"""What a forward target is, to one presentity."""

import pytest

from dfks_rules.model.identity import Aor
from dfks_rules.policy.site.directory import Directory, Entry
from dfks_rules.policy.site.number_plan import Dialling, NumberPlan
from dfks_rules.policy.site.targets import CLASSES, KINDS, MAX_REMEMBERED, REACHES, Target, Targets

DIRECTORY = Directory(
    [
        Entry(Aor("alice", "de.example"), numbers=("201", "+49307123456")),
        Entry(Aor("bob", "de.example"), numbers=("202", "+499001234567")),
        Entry(Aor("4930700800", "de.example")),
        Entry(Aor("2024jsmith", "de.example")),
        Entry(Aor("77", "de.example")),
        Entry(Aor("carol", "de.example"), numbers=("+442079460888",)),
        Entry(Aor("00442079460999", "de.example")),
        Entry(Aor("0019004440100", "de.example")),
    ]
)
PLAN = NumberPlan(
    Dialling(),
    {
        "de.example": Dialling("DE", (3, 4), ("2", "3"), "0", "30"),
        "us.example": Dialling("US", (4,), (), "9"),
        "gb.example": Dialling("GB", (3,), ("2",), "9", "20"),
        "au.example": Dialling("AU", None, (), "0"),
        "fr.example": Dialling("FR"),
    },
)
ALICE = Aor("alice", "de.example")
TARGETS = Targets(PLAN, DIRECTORY)


def internal(user: str, *, self: bool = False) -> Target:
    """A user or extension of the domain."""
    return Target("internal", "internal", "internal", None, None, user, "de.example", self)


def number(class_: str, e164: str, country: str | None = "DE") -> Target:
    """A number outside, which can be read as no other."""
    reach = "national" if country == "DE" else "international"
    return Target("external", class_, reach, e164, country, numbers=(e164,))


EMERGENCY = Target("external", "emergency", "national")
INVALID = Target("invalid")


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("alice", internal("alice", self=True)),
        ("sip:alice@DE.example;transport=udp", internal("alice", self=True)),
        ("201", internal("alice", self=True)),
        ("sip:202@de.example", internal("bob")),
        ("77", internal("77")),
        ("299", internal("299")),
        ("2024jsmith", internal("2024jsmith")),
        ("fax.room", internal("fax.room")),
        ("0 40 2345678", number("national", "+49402345678")),
        (
            "9,0402345678",
            number("national", "+49402345678")._replace(numbers=("+49402345678", "+4990402345678")),
        ),
        ("sip:+49402345678@10.0.0.1;user=phone", number("national", "+49402345678")),
        ("sip:0402345678@gw.example", number("national", "+49402345678")),
        ("tel:+44-20-7946-0123", number("international", "+442079460123", "GB")),
        ("+870773110000", number("satellite", "+870773110000", None)),
        ("499", number("unknown", "+49499")),
        ("12", Target("external")),
        ("112", EMERGENCY),
        ("0110", EMERGENCY),
        ("sip:112@gw.example", EMERGENCY),
        ("+112", EMERGENCY),
        ("urn:service:sos", EMERGENCY),
        ("*67112", EMERGENCY._replace(kind="code")),
        ("*72", Target("external")._replace(kind="code")),
        ("*72 201", number("unknown", "+49201")._replace(kind="code")),
        ("*21*0402345678#", number("national", "+49402345678")._replace(kind="code")),
        ("11833", Target("external", "short-code", "national", country="DE")),
        ("0 11833", Target("external", "short-code", "national", country="DE")),
        ("sip:bob@other.example", Target("foreign", user="bob", domain="other.example")),
        ("sip:201@other.example", Target("foreign", user="201", domain="other.example")),
        ("sip:bob@de.example;maddr=gw", Target("foreign", user="bob", domain="gw")),
        ("", INVALID),
        ("tel:bob", INVALID),
        ("two words", INVALID),
        ("PJSIP/402345678@trunk", INVALID),
        ("${number}", INVALID),
        ("9" * 513, INVALID),
    ],
)
def test_targets_are_what_the_domains_pbx_would_make_of_them(text: str, target: Target) -> None:
    """Each row of docs/reference/number-analysis.md."""
    assert TARGETS.analyse(text, ALICE) == target


@pytest.mark.parametrize(
    ("text", "domain", "numbers"),
    [
        # The satellite number is behind the outside digit, or behind a pause.
        ("900882161234567", "gb.example", ("+44900882161234567", "+449008821612", "+882161234567")),
        (
            "9,00882161234567",
            "gb.example",
            ("+44900882161234567", "+449008821612", "+882161234567"),
        ),
        (
            "*72 900882161234567",
            "gb.example",
            ("+44900882161234567", "+449008821612", "+882161234567"),
        ),
        (
            "sip:9,00882161234567@gw",
            "gb.example",
            ("+44900882161234567", "+449008821612", "+882161234567"),
        ),
        ("912125550100", "us.example", ("+12125550100", "+912125550100")),
        ("201", "gb.example", ()),
        ("9112", "gb.example", ()),
        ("carol", "gb.example", ()),
    ],
)
def test_every_number_that_a_target_can_be_read_as_is_told(
    text: str, domain: str, numbers: tuple[str, ...]
) -> None:
    """So that no list of barred numbers is got around."""
    target = TARGETS.analyse(text, Aor("dave", domain))
    assert target.numbers == numbers
    assert target.number == next(iter(numbers), None)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        # Another PBX knows nothing of the outside digit 9.
        ("sip:912403123852@sbc.example", "+912403123852"),
        # What follows the pause is a number of Maryland, but with what is before it, of Pakistan.
        ("92,3012345678", "+923012345678"),
        ("923012345678", "+923012345678"),
    ],
)
def test_a_call_abroad_is_one_where_the_outside_digit_means_nothing(text: str, number: str) -> None:
    """Neither a host nor a pause gets around a rule that asks for the reach."""
    target = TARGETS.analyse(text, Aor("dave", "us.example"))
    assert (target.number, target.reach) == (number, "international")
    home = TARGETS.analyse("sip:912403123852@us.example", Aor("dave", "us.example"))
    assert home.reach == "national"


def test_a_number_of_our_own_user_is_internal_and_keeps_its_class() -> None:
    """Whoever gives a premium number to a user does not make it harmless."""
    own = TARGETS.analyse("0 030 7123456", ALICE)
    assert own == Target(
        *("internal", "national", "internal", "+49307123456", "DE", "alice", "de.example", True),
        ("+49307123456",),
    )
    assert own.aor == ALICE
    premium = TARGETS.analyse("+499001234567", ALICE)
    assert (premium.kind, premium.class_, premium.user) == ("internal", "premium", "bob")
    assert TARGETS.analyse("+4930700800", ALICE).user == "4930700800"


@pytest.mark.parametrize(
    ("presentity", "text"),
    [
        (ALICE, "030 7123456"),
        (ALICE, "+49 30 7123456,,1"),
        (Aor("+4940700800", "de.example"), "0040700800"),
        (Aor("4940700800", "de.example"), "sip:+4940700800@10.0.0.1"),
        (Aor("201", "us.example"), "sip:201@us.example"),
    ],
)
def test_self_is_told_by_address_and_by_every_number(presentity: Aor, text: str) -> None:
    """A forward to oneself is a loop, however it is written."""
    assert TARGETS.analyse(text, presentity).self


@pytest.mark.parametrize(
    ("text", "class_", "user"),
    [
        ("+442079460888", "international", "carol"),
        ("00442079460888", "international", "carol"),
        ("00442079460999", "international", "00442079460999"),
        ("0019004440100", "premium", "0019004440100"),
        ("+19004440100", "premium", None),
    ],
)
def test_no_directory_hides_a_number_abroad(text: str, class_: str, user: str | None) -> None:
    """A tenant writes its own directory; a rule of the operator's must hold all the same."""
    target = TARGETS.analyse(text, ALICE)
    assert (target.class_, target.reach, target.user) == (class_, "international", user)


def test_self_is_nobody_else() -> None:
    """What is remembered of a domain's target is not remembered of its presentity."""
    assert TARGETS.analyse("201", ALICE).self
    assert not TARGETS.analyse("201", Aor("bob", "de.example")).self
    assert not TARGETS.analyse("+4940700801", Aor("4940700800", "de.example")).self
    assert not TARGETS.analyse("+4940700801", ALICE).self


def test_only_our_own_users_have_an_address() -> None:
    """Loops are followed through them."""
    assert TARGETS.analyse("202", ALICE).aor == Aor("bob", "de.example")
    assert TARGETS.analyse("sip:bob@other.example", ALICE).aor is None
    assert TARGETS.analyse("112", ALICE).aor is None


@pytest.mark.parametrize("domain", ["de.example", "us.example", "au.example", "none.example"])
def test_a_pause_inside_a_number_makes_no_extension(domain: str) -> None:
    """Whoever strips the pause dials a number that begins like an extension."""
    target = TARGETS.analyse("2079,4601234567", Aor("x", domain))
    joined = TARGETS.analyse("20794601234567", Aor("x", domain))
    assert joined.kind == "external"
    assert target.kind == (
        "external" if joined.number and joined.class_ != "unknown" else target.kind
    )


@pytest.mark.parametrize("user", ["201", "carol"])
def test_a_context_that_makes_digits_a_number_makes_no_extension(user: str) -> None:
    """Whoever adds it dials a premium number, though the directory has a user with these digits."""
    entries = [Entry(Aor(user, "de.example"), (), None, ("201",))]
    targets = Targets(NumberPlan(Dialling("DE")), Directory(entries))
    alice = Aor("alice", "de.example")
    target = targets.analyse("tel:201;phone-context=+4990012345", alice)
    assert (target.class_, target.number) == ("premium", "+4990012345201")
    assert targets.analyse("tel:201;phone-context=+999", alice).kind == "internal"


def test_extensions_without_a_plan_are_short() -> None:
    """A server that nobody told of extensions has some all the same."""
    nobody = Targets(NumberPlan(), Directory())
    assert nobody.analyse("20123", ALICE) == internal("20123")
    assert nobody.analyse("201234", ALICE) == Target("external")
    assert nobody.analyse("911", ALICE) == EMERGENCY
    assert TARGETS.analyse("911000", Aor("x", "us.example")) == EMERGENCY
    assert nobody.analyse("0030 210 1234567", ALICE).country == "GR"
    assert nobody.analyse("030 1234567", ALICE) == Target("external")


# The number of the fraud is +1 900 555 0100; each domain's PBX dials it from each of these.
SPELLINGS = [
    *("+19005550100", "0019005550100", "19005550100", "+1 (900) 555-0100", "+1.900.555.0100"),
    *("tel:+1-900-555-0100", "TEL:+19005550100", "tel:5550100;phone-context=+1900"),
    *(
        "sip:5550100;phone-context=+1-900@x.example",
        "tel:+19005550100;ext=4",
        "callto:+19005550100",
    ),
    *('"Bob" <sip:+19005550100@de.example;user=phone>', "<tel:+19005550100>"),
    *("sip:%2B19005550100@10.0.0.1", "sip:+1%39005550100@10.0.0.1", "%252B19005550100"),
    *(
        "sip:0019005550100:secret@gw.example",
        "SIPS:+19005550100@gw.example:5061",
        "sip:+19005550100",
    ),
    *("sip:19005550100", "sip:alice@de.example;x <sip:+19005550100@a>"),
    *('+1!900"555$0100', "+1 900 555 0100 call", "+19005550100\u0440", "+1900\u200b555\u202e0100"),
    *("\uff0b\uff11\uff19\uff10\uff10\uff15\uff15\uff15\uff10\uff11\uff10\uff10",),
    *("+\u0661\u0669\u0660\u0660\u0665\u0665\u0665\u0660\u0661\u0660\u0660",),
    *("+\u2460\u2468" + "005550100", "+1\u2013900\u2212555\u20110100", "+1\u00a0900\u3000555 0100"),
    *("+19005550100,,123", "+19005550100p12", "+19005550100#", "+19005550100 ext. 7"),
    *("001900,5550100", "+1900,5550100", "+1900;5550100", "9,0019005550100", "0,,0019005550100"),
    *("00+19005550100", "9+19005550100", "++19005550100", "+0019005550100", "+1 1 900 555 0100"),
    *("+1900555010099", "+19005550100" + "7" * 40, "+1900KKK0100", "0 01900-555-0100"),
    *("1a9005550100", "1900555O0100", "+1 nine 9005550100", "&#43;19005550100"),
    *("%EF%BC%8B19005550100", "+%C0%AB19005550100", "+1900\r\n5550100", "+1900\x005550100"),
    *("*72+19005550100", "*21*0019005550100#", "#31#0019005550100", "*6719005550100"),
    *("9*6719005550100", "0*31#0019005550100", "9#31#+19005550100", "9*67,0019005550100"),
]


@pytest.mark.parametrize(
    "domain", ["de.example", "us.example", "gb.example", "au.example", "fr.example"]
)
@pytest.mark.parametrize("text", SPELLINGS)
def test_no_spelling_hides_a_premium_number(text: str, domain: str) -> None:
    """Toll fraud lives on what a PBX dials and a policy does not see."""
    target = TARGETS.analyse(text, Aor("x", domain))
    assert target.class_ == "premium"
    assert (target.number or "").startswith("+19005550100")
    assert target.reach == ("national" if domain == "us.example" else "international")


@pytest.mark.parametrize(
    ("domain", "text"),
    [
        ("us.example", "9005550100"),
        ("us.example", "01119005550100"),
        ("us.example", "9,1-900-555-0100"),
        ("us.example", "9901119005550100"[1:]),
        ("de.example", "00019005550100"),
        ("gb.example", "90019005550100"),
        ("au.example", "001119005550100"),
        ("au.example", "0,001119005550100"),
        # A PBX may drop the context.
        ("de.example", "tel:00019005550100;phone-context=+4930"),
        ("gb.example", "sip:90019005550100;phone-context=+4420@gb.example"),
        ("us.example", "sip:901119005550100@us.example;user=phone;phone-context=+1"),
        # Neither the service number `9011` nor the `000` of Australia.
        ("us.example", "9011,19005550100"),
        ("us.example", "9*6701119005550100"),
        ("de.example", "0*31#0019005550100"),
    ],
)
def test_no_prefix_of_a_country_hides_a_premium_number(domain: str, text: str) -> None:
    """Each country has its own way to dial abroad, and each PBX its own outside line."""
    assert TARGETS.analyse(text, Aor("x", domain)).number == "+19005550100"


def test_an_outside_line_is_no_part_of_an_emergency_number() -> None:
    """`000` of Australia is not dialled by `0` for a line and `0011` for abroad."""
    at = Aor("x", "au.example")
    assert TARGETS.analyse("0 0011 531 23456", at).numbers[0] == "+53123456"
    assert TARGETS.analyse("0001 2345", at).class_ == "emergency"
    assert TARGETS.analyse("0 000 11", at).class_ == "emergency"


def test_what_is_remembered_is_bounded() -> None:
    """Strangers choose the texts."""
    targets = Targets(NumberPlan(), Directory())
    for one in range(MAX_REMEMBERED + 5):
        targets.analyse(f"x{one}", ALICE)
    assert targets.analyse("x1", ALICE) == internal("x1")


def test_words_are_told_once() -> None:
    """They are the words of the facts."""
    for words in (KINDS, CLASSES, REACHES):
        assert len(set(words)) == len(words)
