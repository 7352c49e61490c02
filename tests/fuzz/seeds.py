"""What fuzzing begins with: good inputs. `python -m tests.fuzz.seeds` writes them."""

from hashlib import sha256
from pathlib import Path

from dfks_rules.csta.multipart import join
from tests.helpers.playbook import DND_ON, TYPE, message

CORPORA = Path(__file__).parent / "corpora"
_REPOSITORY = Path(__file__).parents[2]
_FORWARD = (
    b'<?xml version="1.0" encoding="UTF-8"?>\r\n<c:SetForwarding xmlns:c="urn:x"><device>a</device>'
    b"<forwardDN>2424</forwardDN><forwardingType>forwardNoAns</forwardingType>"
    b"<activateForward>true</activateForward><ringCount>4</ringCount></c:SetForwarding>"
)
_OK = (
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK00000002\r\n"
    b"From: <sip:alice@example.com>;tag=00000001\r\nTo: <sip:alice@example.com>;tag=phone\r\n"
    b"Call-ID: call-1\r\nCSeq: 1 NOTIFY\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n"
)
_DIGEST = (
    b'Digest username="alice", realm="example.com", nonce="00000000000000000000abcdef0123456789",'
    b' uri="sip:alice@example.com", response="0123456789abcdef0123456789abcdef", algorithm=MD5,'
    b' cnonce="0a4f113b", qop=auth, nc=00000001'
)
_TYPE, _PARTS = join(TYPE.decode(), [DND_ON, _FORWARD])
_TAGGED = {
    "to": b"<sip:alice@example.com>;tag=TAG",
    "via": b"SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK2",
}
_CALL = b'{"jsonrpc":"2.0","id":"7","method":"%b","params":%b}'
_STUN = b"\0\1\0\0\x21\x12\xa4\x42abcdefghijkl"

_REQUESTS = (
    message(),
    message(body=DND_ON),
    message(body=_FORWARD, expires=b"0"),
    message(body=_PARTS, content_type=_TYPE),
    message(b"OPTIONS", supported=b"path", accept=b"*/*;q=0.5"),
    message(b"CANCEL"),
    message(
        record_route=b"<sip:192.0.2.9;lr>, <sip:p.example.com:5070;transport=tcp>",
        contact=b'"A" <sip:a@[2001:db8::7]:5062;transport=tcp>;expires=60',
        user_agent=b"Polycom/5.9 (VVX)",
    ),
    message(uri=b"sips:alice@example.com", contact=b"<sips:alice@192.0.2.7>"),
    message(via=b"SIP/2.0/TCP [2001:db8::1]:5060;branch=z9hG4bKx;received=::1, SIP/2.0/UDP c"),
    message(authorization=_DIGEST, event=b"as-feature-event;id=4"),
    b"SUBSCRIBE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP c;rport\r\nf: <sip:a@b>;tag=1\r\nt: <sip:a@b>\r\n"
    b"i: 1\r\nCSeq: 1 SUBSCRIBE\r\nm: *\r\no: as-feature-event\r\nl: 0\r\nX: a\r\n  b\r\n\r\n",
)  # fmt: skip

SEEDS: dict[str, tuple[bytes, ...]] = {
    "wire": (*_REQUESTS, _OK, b"\r\n\r\n", _STUN),
    "dialog": (
        message() + b"\0\0" + message(cseq=b"2 SUBSCRIBE", expires=b"0", **_TAGGED),
        message() + b"\0\0" + message(body=_FORWARD, cseq=b"2 SUBSCRIBE", **_TAGGED),
        message(call_id=b"call-1") + b"\0\0" + _OK,
        message() + b"\0\0" + _OK.replace(b"200 OK", b"481 Gone"),
    ),
    "framing": (_REQUESTS[0] + _REQUESTS[1], b"\r\n\r\n" + _OK, _REQUESTS[2][:-30]),
    "grammar": (
        b'"A \\" B" <sip:alice%20b;x=1@example.com:5060;transport=tcp;lr>;tag=a;q=0.5',
        b"sip:+1(555)12-34;phone-context=a@[2001:db8::1]:5061;user=phone?Subject=a",
        b"SIP / 2.0 / UDP [2001:db8::1]:5060;rport=2;branch=z9hG4bK1;received=::1, SIP/2.0/TCP b",
        b'a="b,c", d;e="f\\"", <sip:a,b@c>',
    ),
    "stun": (_STUN, _STUN[:2] + b"\0\x0c" + _STUN[4:] + b"\x80\x22\0\x04abcd\x80\x28\0\x00"),
    "message": (_OK, *_REQUESTS[:2], _REQUESTS[-1]),
    "digest": (
        _DIGEST,
        _DIGEST.replace(b"MD5", b"SHA-256") + b", Basic YTpi, " + _DIGEST,
        _DIGEST.replace(b'"alice"', b'"al\\"ice"').replace(b"qop=auth", b'qop="auth"'),
    ),
    "xml": (DND_ON, _FORWARD, b"\xef\xbb\xbf<a>&lt;<![CDATA[b]]><!-- c --></a>"),
    "multipart": (
        _TYPE + b"\n" + _PARTS,
        b'multipart/mixed; boundary="a b"\n--a b\n\n<a/>\n--a b--',
    ),
    "fifo": (b":reply_1:" + _CALL % (b"which", b"{}"), b'::[{"a":"}"}]:b:{}', b"junk\n:c:[]"),
    "mi": (
        _CALL % (b"dfks_set_feature", b'["sip:alice@example.com","DoNotDisturb",1]'),
        _CALL % (b"dfks:get_features", b'{"presentity":"sip:alice@example.com"}'),
        _CALL % (b"get_statistics", b'{"statistics":["all"]}'),
        _CALL % (b"subs_phtable_list", b"[]"),
        b"[" + _CALL % (b"which", b"{}") + b',{"jsonrpc":"2.0","method":"uptime"}]',
    ),
    "settings": (
        (_REPOSITORY / "dfks.yaml").read_bytes(),
        b"sip: {listen: ['tls:[::1]:5061'], tls: {certificate: a, key: b}}\nauth: {mode: digest}",
    ),
    "policy": (
        (_REPOSITORY / "policies/default/policy.yaml").read_bytes()[:1500],
        b"apiVersion: dfks/v1\nkind: Policy\nmetadata: {name: p}\nrules:\n"
        b"  - id: a\n    when: {op: set, target.user: {prefix: '+1'}, time: {ge: '12:00'}}\n"
        b"    then: {deny: {reason: a}}\n"
        b"  - id: b\n    when: {any: [{user: {regex: 'a[0-9]+'}}, {not: {origin: operator}}]}\n"
        b"    then: {notify: false}\n",
    ),
}  # fmt: skip
"""Target → seeds."""


def write() -> None:
    """Put each seed into the corpus of its target."""
    for name, seeds in SEEDS.items():
        folder = CORPORA / name
        folder.mkdir(parents=True, exist_ok=True)
        for seed in seeds:
            (folder / sha256(seed).hexdigest()[:16]).write_bytes(seed)


if __name__ == "__main__":
    write()
