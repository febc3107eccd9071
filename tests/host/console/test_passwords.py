"""How passwords are kept, with the real parameters."""

from __future__ import annotations

import re

import pytest
from argon2 import PasswordHasher

from badgeclock.bridge.accounts import passwords, second_factor
from badgeclock.bridge.errors import AccountError


def test_a_password_is_kept_as_rfc_9106_says_for_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher())
    kept = passwords.hashed("a sentence of six short words")
    assert re.match(r"\$argon2id\$v=19\$m=65536,t=3,p=4\$", kept)
    assert passwords.is_right(kept, "a sentence of six short words")
    assert not passwords.is_right(kept, "a sentence of six short word")
    assert not passwords.is_right(None, "nobody's")
    assert not passwords.is_right("no hash at all", "x")


@pytest.mark.parametrize(
    "password", ["", "eleven char", "x" * 201, "aaaaaaaaaaaaaaaa", "otto is my name", "OTTO-and-more"]
)
def test_a_password_that_is_easily_guessed_is_refused_and_not_repeated(password: str) -> None:
    with pytest.raises(AccountError) as caught:
        passwords.checked(password, "otto")
    assert not password or password not in str(caught.value)


def test_a_code_is_taken_one_step_early_or_late_and_none_before_the_last() -> None:
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    at = 1_767_000_000
    code = second_factor.pyotp.TOTP(secret).at(at)
    for drift_s, taken in ((-60, False), (-30, True), (0, True), (30, True), (60, False)):
        assert (second_factor.step_of(secret, code, (at + drift_s) * 1000, None) is not None) is taken
    step = second_factor.step_of(secret, code, at * 1000, None)
    assert step == at // 30
    assert second_factor.step_of(secret, f"{code[:3]} {code[3:]}", at * 1000, step - 1) == step
    assert second_factor.step_of(secret, code, at * 1000, step) is None
    for word in ("", "12345", "\u0661\u0662\u0663\u0664\u0665\u0666", "abcdef"):
        assert second_factor.step_of(secret, word, at * 1000, None) is None
