"""Identity tokens: who vouches for whom, and for how long; what is not right vouches for none."""

import base64
import hmac
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, RSAKey

from services.contact.intake import Intake
from services.contact.tokens import LEEWAY, MAX_LIFETIME, Tokens, check_key
from shared.auth import Key
from shared.clock import now
from shared.errors import Fatal, Unprocessable
from tests.contact.public import PAIR, SECRET, USER, claims, signed
from tests.records import SECRET as HASHED_WITH
from tests.records import subject

HS256 = msgspec.json.encode(SECRET.as_dict(private=True)).decode()
ES256 = msgspec.json.encode(PAIR.as_dict(private=False)).decode()
OTHER = OctKey.generate_key(256)


def key_with(jwk: str | None) -> Key:
    public = frozenset(["ingest-public"])
    return Key("web", public, "service:web", "shop", "/keys/web", frozenset(), token_key=jwk)


def vouched(token: str, jwk: str | None = HS256) -> frozenset[str]:
    return Tokens(Intake(HASHED_WITH).subjects).vouched(key_with(jwk), token, "/token")


def why(token: str, jwk: str | None = HS256) -> str:
    with pytest.raises(Unprocessable) as refusal:
        vouched(token, jwk)
    assert refusal.value.code == "identity_token"
    assert [error.pointer for error in refusal.value.errors] == ["/token"]
    return refusal.value.detail


def test_both_algorithms_vouch_for_the_identifiers_they_name() -> None:
    said = claims("web", USER, {"kind": "email", "value": " Jane@X "})
    right = {subject("user:shop:42"), subject("email:jane@x")}
    assert vouched(signed(said)) == right
    assert vouched(signed(said, PAIR), ES256) == right


def test_an_identifier_without_a_namespace_is_in_that_of_the_key() -> None:
    assert vouched(signed(claims("web", {"kind": "user", "value": "42"}))) == {
        subject("user:shop:42")
    }


def test_the_algorithm_is_that_of_the_stored_key_whatever_the_token_says() -> None:
    said = claims("web")
    assert "not signed" in why(signed(said, SECRET), ES256)
    for public in (PAIR.as_pem(private=False), ES256.encode()):  # known to all, taken as a secret
        token = unsigned({"alg": "HS256"}, said)
        signature = hmac.digest(public, token[:-1].encode(), "sha256")
        assert "not signed" in why(token + in_base64(signature), ES256)
    assert "not signed" in why(signed(said, PAIR), HS256)
    assert "not signed" in why(signed(said, OTHER))


def unsigned(header: dict[str, Any], said: dict[str, Any], signature: str = "") -> str:
    parts = [in_base64(msgspec.json.encode(part)) for part in (header, said)]
    return ".".join([*parts, signature])


def in_base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", "HS384", "RS256", None, 7])
def test_no_other_algorithm_is_taken(algorithm: object) -> None:
    body = signed(claims("web")).split(".")
    for signature in ("", body[2]):
        assert "not signed" in why(unsigned({"alg": algorithm}, claims("web"), signature))


def test_a_key_inside_the_token_is_not_looked_at() -> None:
    token = signed(claims("web"), OTHER, jwk=OTHER.as_dict(private=True))
    assert "not signed" in why(token)


@pytest.mark.parametrize("name", ["aud", "iat", "exp", "identifiers"])
def test_every_claim_must_be_there(name: str) -> None:
    assert "claims" in why(signed(claims("web", **{name: None})))
    assert "claims" in why(signed(claims("web", **{name: {"x": 1}})))


def test_the_times_are_checked_with_a_little_leeway() -> None:
    moment = int(now().timestamp())
    early, late = moment - 300, moment + 300
    assert vouched(signed(claims("web", iat=early, exp=moment - LEEWAY + 5)))
    assert "expired" in why(signed(claims("web", iat=early, exp=moment - LEEWAY - 5)))
    assert vouched(signed(claims("web", iat=moment + LEEWAY - 5, exp=late)))
    assert "future" in why(signed(claims("web", iat=moment + LEEWAY + 60, exp=late)))
    assert vouched(signed(claims("web", iat=moment, exp=moment + MAX_LIFETIME)))
    assert "at most" in why(signed(claims("web", iat=moment, exp=moment + MAX_LIFETIME + 1)))
    assert "at most" in why(signed(claims("web", iat=moment, exp=moment)))


def test_a_token_that_was_right_is_not_right_for_ever() -> None:
    tokens = Tokens(Intake(HASHED_WITH).subjects)
    moment = int(now().timestamp())
    token = signed(claims("web", iat=moment - 60, exp=moment + 3))
    assert tokens.vouched(key_with(HS256), token, "/token")
    (known,) = tokens._known
    tokens._known[known] = tokens._known[known]._replace(exp=moment - LEEWAY - 1)
    with pytest.raises(Unprocessable, match="expired"):
        tokens.vouched(key_with(HS256), token, "/token")
    with pytest.raises(Unprocessable, match="not signed"):
        tokens.vouched(key_with(ES256), token, "/token")


def test_a_token_is_for_one_key() -> None:
    assert vouched(signed(claims("web", aud=["app", "web"])))
    assert "`aud`" in why(signed(claims("app")))
    assert "takes no" in why(signed(claims("web")), None)


def test_what_it_vouches_for_must_be_identifiers() -> None:
    assert "identifiers" in why(signed(claims("web", {"kind": "user"})))
    assert "at most" in why(signed(claims("web", *[USER] * 21)))
    assert vouched(signed(claims("web", {"kind": "user", "value": "null"}))) == frozenset()


@given(st.text(max_size=200))
def test_no_text_is_more_than_not_a_token(text: str) -> None:
    assert why(text)


@given(st.integers(0, 400), st.characters(codec="ascii"))
def test_a_token_that_was_changed_anywhere_vouches_for_nobody(place: int, sign: str) -> None:
    token = signed(claims("web", iat=1, exp=2))
    place %= len(token)
    changed = token[:place] + sign + token[place + 1 :]
    assert why(changed)


@pytest.mark.parametrize(
    ("jwk", "word"),
    [
        ("", "not a JWK"),
        ("[]", "not a JWK"),
        ('{"kty": "oct"}', "not a JWK"),
        ('{"kty": "oct", "k": "YS1zZWNyZXQtb2YtMjAtYnl0ZXM"}', "at least 32 bytes"),
        ('{"kty": "oct", "k": "%%%"}', "not a JWK"),
        (msgspec.json.encode(PAIR.as_dict(private=True)).decode(), "public key"),
        (msgspec.json.encode(ECKey.generate_key("P-384").as_dict(private=False)).decode(), "P-256"),
        (msgspec.json.encode(RSAKey.generate_key(2048).as_dict(private=False)).decode(), "HS256"),
        (HS256[:-1] + ', "alg": "none"}', "HS256"),
        (HS256[:-1] + ', "alg": "ES256"}', "HS256"),
    ],
)
def test_a_jwk_that_tokens_cannot_be_checked_by_is_refused(jwk: str, word: str) -> None:
    with pytest.raises(Fatal, match=word):
        check_key(jwk)


def test_the_two_kinds_of_jwk_are_taken() -> None:
    check_key(HS256)
    check_key(ES256)
