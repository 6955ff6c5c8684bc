"""JSON that nobody should send: values for a payload, and what can be done to a whole document."""

import json
from collections.abc import Callable, Iterator
from itertools import pairwise

Document = bytes
Spoil = Callable[[Document], bytes]

_SPELLED = """
0 -0 -0.0 0.0 0e0 0E999 0e-999 1 -1 1.0 1.50 1e0 1E+2 1e-2 1e00000001 -1.5e-7 123456789.987654321
5e-324 2.2250738585072014e-308 1e-400 -1e-400 1.7976931348623157e308 -1.7976931348623157e308
1.7976931348623159e308 1e309 -1e309 1e999 -1e999 1e99999999999
9007199254740991 9007199254740992 9007199254740993 9007199254740993.0 2147483648 -2147483649
9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809
18446744073709551615 18446744073709551616 10000000000000000000000 123456789012345678901234567890
0.1 0.30000000000000004 3.141592653589793238462643383279502884197 100000000000000000000000.0
01 -01 00 +1 .5 -.5 1. 1.e1 1e 1e+ e1 0x10 0b1 0o7 1_000 1,5 1L 1d 1f --1 +-1 - 1e1.5 1.2.3 1e1e1
NaN -NaN nan Infinity -Infinity inf -inf 1/2 １ ½ ∞ 1e٣ true false null True TRUE tru nul nulll
undefined None nil yes t
"""

_LONG_NUMBERS = [
    *("9" * digits for digits in (100, 400, 4299, 4300, 4301, 5000, 20_000)),
    "-" + "9" * 4300,
    "1" + "0" * 308,
    "1" + "0" * 309,
    "0." + "3" * 5000,
    "0." + "0" * 400 + "1",
    "1" * 300 + "e5",
    "1" * 400 + "e-395",
    "1e" + "0" * 1000 + "5",
    "0" * 1000,
]

_TEXTS = [
    b"",
    b"plain",
    "é ß 🫖 漢字 \u2028\u2029 \ufeff \u200b \u202e".encode(),
    "e\u0301 \u00e9 \ufb01 \u212b".encode(),
    "\ufffe\uffff\U0010ffff".encode(),
    b"\x7f\xc2\x80",
    *(rb"\u%s" % digits for digits in (b"0041", b"00e9", b"00E9", b"2028", b"ffff", b"007f")),
    *(rb"\u%s" % digits for digits in (b"0000", b"0001", b"001f", b"0008")),
    rb"\ud83e\uded6",
    rb"\uD83E\uDED6",
    *(rb"\u%s" % digits for digits in (b"d800", b"dbff", b"dc00", b"dfff", b"D800")),
    rb"\ud800\ud800",
    rb"\udc00\ud800",
    rb"\ud83ex\uded6",
    rb"\ud83e\n\uded6",
    rb"\ud83e\u0041",
    rb"a\u0000b",
    rb"\"\\\/\b\f\n\r\t",
    rb"\\u0000",
    rb"\\\u0041",
    *(b"a" + bytes([control]) + b"b" for control in (0, 1, 8, 9, 10, 12, 13, 27, 31)),
    *(rb"\%s" % letter for letter in (b"x41", b"0", b"'", b"a", b"v", b"U0041", b"e", b" ", b"")),
    *(rb"\u%s" % digits for digits in (b"", b"0", b"004", b"00g1", b"+041", b" 041", b"-041")),
    *(b"\xff", b"\xfe", b"\x80", b"\xbf", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xc3"),
    *(b"\xe2\x82", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xa0\xbd\xed\xb8\x80"),
    *(b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80", b"caf\xe9"),
    b"</script><!-- ${7*7} '; DROP TABLE x; -- %00 ../../",
    b"x" * 1000,
    b"x" * 70_000,
    b"x" * 300_000,
    rb"\u00e9" * 5000,
    b'"',
    b"\\",
]
"""Between quotes."""

_NAMES = [
    b"",
    b" ",
    b"__proto__",
    b"constructor",
    b"toString",
    b"$ref",
    b"a.b",
    b"a/b~c",
    b"0",
    b"-1",
    "é🫖".encode(),
    rb"\u0061",
    rb"\u0000",
    rb"\ud800",
    rb"\"",
    rb"\q",
    b"\x00",
    b"\n",
    b"\xff",
    b"k" * 256,
    b"k" * 10_000,
    b"k" * 100_000,
    b"k" * 270_000,
]
"""Between quotes, before a colon."""

_STRUCTURES = [
    b"[]",
    b"{}",
    b"[[],{},[[]]]",
    b" [ 1 , 2 ]\t\r\n",
    b"[1,]",
    b"[,1]",
    b"[,]",
    b"[1,,2]",
    b"[1 2]",
    b"[1;2]",
    b"(1,2)",
    b"[1",
    b"[",
    b"]",
    b"[}",
    b"{]",
    b"{",
    b'{"a"}',
    b'{"a":}',
    b'{"a" 1}',
    b'{"a"::1}',
    b'{"a":1,}',
    b'{,"a":1}',
    b'{"a":1 "b":2}',
    b'{"a":1;"b":2}',
    b"{a:1}",
    b"{'a':1}",
    b'{1:"a"}',
    b'{null:"a"}',
    b'{["a"]:1}',
    b"'a'",
    b"`a`",
    b"/* no */ 1",
    b"1 // no",
    b"# no\n1",
    b"<!-- no -->",
    b"",
    b",",
    b":",
    b'"a" "b"',
    b'"a',
    b'a"',
    b"1 1",
    b"[1]]",
    b"{}}",
    b'{"a":1,"a":2}',
    b'{"a":1,"\\u0061":2}',
    b'{"a":{"b":1},"a":{"c":2}}',
    b'{"a":1,"b":2,"a":null}',
    b"{" + b",".join(b'"a":%d' % n for n in range(1000)) + b"}",
    b"{" + b",".join(b'"k%d":%d' % (n, n) for n in range(3000)) + b"}",
    b"[" + b",".join(b"%d" % n for n in range(20_000)) + b"]",
    b"[" + b",".join([b"1e15"] * 20_000) + b"]",
    b"[" + b",".join([b"null"] * 60_000) + b"]",
    b'{"$numberLong":"1"}',
    b'{"@type":"x"}',
    b'{"__class__":"os.system"}',
    *(space + b"1" for space in (b"\x0b", b"\x0c", b"\xc2\xa0", b"\xe2\x80\x83", b"\xe2\x80\x8b")),
    b"\xef\xbb\xbf1",
    b"1\x00",
    b"\x1e1\n",
]


def _nested() -> Iterator[bytes]:
    """Arrays and objects in each other."""
    for depth in (1, 5, 10, 15, *range(16, 23), 50, 100, 1000, 10_000, 60_000):
        yield b"[" * depth + b"]" * depth
        yield b'{"a":' * depth + b"1" + b"}" * depth
    for depth in (10, 100, 20_000):
        yield b'[{"a":' * depth + b"1" + b"}]" * depth
        yield b"[" * depth
        yield b'{"a":' * depth
        yield b"[" * depth + b"}" * depth


VALUES: list[bytes] = [
    *(number.encode() for number in (*_SPELLED.split(), *_LONG_NUMBERS)),
    *(b'"%s"' % text for text in _TEXTS),
    *(b'{"%s":1}' % name for name in _NAMES),
    *_STRUCTURES,
    *_nested(),
]
"""JSON values, or what is none."""


def _cut(part: float) -> Spoil:
    return lambda document: document[: int(len(document) * part)]


def _around(before: bytes, after: bytes) -> Spoil:
    return lambda document: before + document + after


def _changed(old: bytes, new: bytes) -> Spoil:
    return lambda document: document.replace(old, new)


def _as(encoding: str) -> Spoil:
    return lambda document: document.decode().encode(encoding)


SPOILS: list[Spoil] = [
    *(_cut(part / 24) for part in range(24)),
    lambda document: document[:-1],
    lambda document: document[1:],
    lambda document: document[::-1],
    lambda document: document + document,
    lambda document: document + b"\n" + document,
    lambda document: document + b"," + document,
    lambda document: json.dumps(document.decode()).encode(),
    lambda document: document.upper(),
    *(_as(name) for name in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "utf-8-sig")),
    *(_around(b"", end) for end in (b" ", b"\n", b"\x00", b"\x00" * 100, b";", b",", b"}", b"]")),
    *(
        _around(b"", end)
        for end in (b"x", b"null", b"{}", b"//", b"\x1a", b"\xff", b"\xef\xbb\xbf")
    ),
    *(_around(start, b"") for start in (b" ", b"\n\t\r", b"\x00", b"\x1e", b")]}',\n", b"x", b"{")),
    *(
        _around(start, b"")
        for start in (b"\xef\xbb\xbf", b"\xff\xfe", b"while(1);", b"data: ", b",")
    ),
    _around(b"[", b"]"),
    _around(b"[[", b"]]"),
    _around(b"callback(", b")"),
    _around(b'{"event":', b"}"),
    _around(b"<x>", b"</x>"),
    _around(b"x=", b"&y=1"),
    _around(b" " * 1000, b" " * 1000),
    *(_changed(old, new) for old, new in pairwise((b'"', b"'", b'"', b"\\", b'"', b""))),
    _changed(b":", b"="),
    _changed(b":", b" :\n"),
    _changed(b",", b";"),
    _changed(b",", b",,"),
    _changed(b",", b", \t"),
    _changed(b"{", b"["),
    _changed(b"}", b""),
    _changed(b"1", b"\xff"),
    _changed(b"1", b"\x00"),
    lambda document: b"",
    lambda document: b" ",
    lambda document: b"null",
    lambda document: b"0",
    lambda document: b'""',
    lambda document: b"[]",
    lambda document: b"{}",
    lambda document: b"[{}]",
    lambda document: b"<?xml version='1.0'?><x/>",
    lambda document: b"\x1f\x8b\x08\x00\x00",
    lambda document: bytes(range(256)),
]
"""What can be done to a whole document."""
