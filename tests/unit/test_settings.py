import base64
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.config.doubts import doubts
from shared.config.env import Env, SettingsError
from shared.config.secret import Secret
from shared.config.settings import (
    load_emitter,
    load_or_exit,
    load_panel,
    load_reconciler,
    load_webhook,
)
from shared.local.home import new_secret_key

KEY = base64.urlsafe_b64encode(bytes(32)).decode()
COMPLETE = {
    "DATABASE_URL": "postgresql://user:pass@db.example:5432/notaponte",
    "REDIS_URL": "redis://cache.example:6379/0",
    "SECRET_KEYS": KEY,
    "INTERNAL_API_TOKEN": "a-bare-token-of-tests",
}


def test_what_is_not_said_has_the_documented_default() -> None:
    reconciler = load_reconciler(COMPLETE)
    emitter = load_emitter(COMPLETE)

    assert reconciler.process.port == 8082
    assert reconciler.reconcile_every == timedelta(minutes=5)
    assert reconciler.vindi.url_production == "https://app.vindi.com.br/api/v1"
    assert reconciler.vindi.requests_per_minute == 120
    assert reconciler.vindi.leave_percent == emitter.vindi.leave_percent == 20  # others' fifth
    assert emitter.issuer.enotas_url == "https://api.enotasgw.com.br"
    assert (emitter.issuer.parallel, emitter.issuer.requests_per_second) == (4, 5)
    assert emitter.issuer.lookup_waits == tuple(timedelta(seconds=n) for n in (10, 30, 120))
    assert load_webhook(COMPLETE).public_webhook_url == "http://127.0.0.1:8080"


def test_the_public_address_follows_the_webhook_port() -> None:
    assert load_webhook({**COMPLETE, "WEBHOOK_PORT": "9000"}).public_webhook_url.endswith(":9000")


def test_every_wrong_setting_is_named_at_once() -> None:
    wrong = {
        "DATABASE_URL": "mysql://db",
        "REDIS_URL": "redis://host:99999",
        "SECRET_KEYS": "short",
        "INTERNAL_API_TOKEN": "a:one-of-two-tokens,a:two-of-two-tokens",
        "INTERNAL_PORT": "none",
        "VINDI_URL_SANDBOX": "http://vindi.example/api/v1",
        "ENOTAS_URL": "https://",
        "RECONCILE_EVERY": "-1",
        "ISSUER_PARALLEL": "0",
        "ISSUER_REQUESTS_PER_SECOND": "nan",
        "ISSUER_LOOKUP_WAITS": "10,,30",
        "LOG_LEVEL": "loud",
    }

    with pytest.raises(SettingsError) as caught:
        load_reconciler(wrong)

    assert {problem.split()[0] for problem in caught.value.problems} == set(wrong)
    assert len(caught.value.problems) == len(wrong)


def test_missing_settings_are_named_too() -> None:
    with pytest.raises(SettingsError) as caught:
        load_reconciler({})

    named = {problem.split()[0] for problem in caught.value.problems}
    assert named == {"DATABASE_URL", "REDIS_URL", "SECRET_KEYS", "INTERNAL_API_TOKEN"}


def test_no_message_repeats_a_value_which_may_be_a_secret() -> None:
    wrong = {**COMPLETE, "DATABASE_URL": "mysql://u:hunter2@db", "SECRET_KEYS": "hunter2"}

    with pytest.raises(SettingsError) as caught:
        load_panel(wrong)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "127.8.8.8:90", "[::1]:8090"])
def test_http_is_taken_from_this_machine(host: str) -> None:
    env = {**COMPLETE, "VINDI_URL_PRODUCTION": f"http://{host}/api/v1/"}

    assert load_emitter(env).vindi.url_production == f"http://{host}/api/v1"


@pytest.mark.parametrize("url", ["http://localhost.example", "http://10.0.0.1", "ftp://localhost"])
def test_http_is_not_taken_from_elsewhere(url: str) -> None:
    with pytest.raises(SettingsError, match="ENOTAS_URL"):
        load_emitter({**COMPLETE, "ENOTAS_URL": url})


@pytest.mark.parametrize(
    ("name", "url", "words"),
    [
        ("VINDI_URL_PRODUCTION", "https://api.enotasgw.com.br/api/v1", "an address of eNotas"),
        ("ENOTAS_URL", "https://app.vindi.com.br/api/v1", "an address of Vindi"),
        ("VINDI_URL_SANDBOX", "https://sandbox-app.vindi.com.br", "must end with /api/v1"),
        ("ENOTAS_URL", "https://api.enotasgw.com.br/v1/", "must end before /v1"),
        ("ENOTAS_URL", "https://key:@api.enotasgw.com.br", "no user, key or password"),
    ],
)
def test_an_address_that_is_the_others_or_ends_elsewhere_is_told_before_a_key_goes_there(
    name: str, url: str, words: str
) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        load_emitter({**COMPLETE, name: url})
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("name", ["SECRET_KEYS", "INTERNAL_API_TOKEN"])
@pytest.mark.parametrize("commas", [",", " , ,"])
def test_commas_alone_are_no_key_and_no_token(name: str, commas: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} must be"):
        load_reconciler({**COMPLETE, name: commas})


@pytest.mark.parametrize(
    "address",
    [
        "redis://cache.example/abc",
        "redis+sentinel://one:26379,two:99999/master",
        "redis+sentinel://one:0/master",
    ],
)
def test_an_address_of_redis_that_cannot_be_is_told_at_once(address: str) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL"):
        load_webhook({**COMPLETE, "REDIS_URL": address})


def test_an_address_of_sentinels_with_a_password_is_taken() -> None:
    address = "redis+sentinel://:p1@one:26379,two,three:26380/master/2"

    assert load_webhook({**COMPLETE, "REDIS_URL": address}).process.redis_url.reveal() == address


def test_deliveries_and_metrics_have_ports_of_their_own() -> None:
    with pytest.raises(SettingsError, match="METRICS_PORT must be another port"):
        load_webhook({**COMPLETE, "WEBHOOK_PORT": "9000", "METRICS_PORT": "9000"})


def test_tokens_carry_the_name_the_audit_log_writes() -> None:
    three = "ana:the-first-of-three, bia:the-second-of-three,the-third-of-three"
    env = {**COMPLETE, "INTERNAL_API_TOKEN": three}

    tokens = load_reconciler(env).api_tokens

    assert [(token.name, token.token.reveal()) for token in tokens] == [
        ("ana", "the-first-of-three"),
        ("bia", "the-second-of-three"),
        ("default", "the-third-of-three"),
    ]


@pytest.mark.parametrize(
    "tokens", ["x", "ana:short-token", "a" * 40, "abab" * 10, "ana:the-first-of-three,bia:b"]
)
def test_a_token_that_can_be_guessed_is_told_with_what_makes_one(tokens: str) -> None:
    env = {**COMPLETE, "INTERNAL_API_TOKEN": tokens}
    load_reconciler(env)  # what has run for long starts

    [told] = doubts({"INTERNAL_API_TOKEN": tokens})
    assert told.startswith("INTERNAL_API_TOKEN holds a token that can be guessed")
    assert "openssl rand -hex 24" in told


@pytest.mark.parametrize("password", ["x", "notaponte", "1111111111111111"])
def test_a_password_of_a_login_that_can_be_guessed_is_told(password: str) -> None:
    with Env(values={"PANEL_PASSWORD": password}) as var:
        assert var.password("PANEL_PASSWORD") is not None

    [told] = doubts({"PANEL_PASSWORD": password})
    assert told.startswith("PANEL_PASSWORD is a password that can be guessed")


def test_what_starts_and_is_hardly_meant_is_told() -> None:
    public = {
        "PUBLIC_WEBHOOK_URL": "https://notas.example",
        "PUBLIC_PANEL_URL": "https://painel.example",
        "SECRET_KEYS": f"{new_secret_key()},{KEY}",
    }
    assert doubts({}) == doubts(public) == []

    for changed, words in (
        ({"PUBLIC_WEBHOOK_URL": "http://notas.example"}, "for everybody on the way to read"),
        ({"PUBLIC_WEBHOOK_URL": "https://painel.example/"}, "are the same"),
        ({"SECRET_KEYS": KEY}, "is not random"),
        (
            {"SECRET_KEYS": base64.urlsafe_b64encode(b"k3y of thirty two signs, typed!!").decode()},
            "is not random",
        ),
    ):
        [told] = doubts(public | changed)
        assert words in told


def test_a_secret_shows_nothing_of_itself() -> None:
    secret = Secret.of("hunter2")

    assert "hunter2" not in f"{secret!r}{secret}{[secret]}"
    assert "hunter2" not in repr(
        load_webhook({**COMPLETE, "DATABASE_URL": "postgres://a:hunter2@b"})
    )


def test_wrong_settings_end_the_start_in_plain_words(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load_or_exit(load_webhook, {"SECRET_KEYS": "x"})

    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert "DATABASE_URL is missing." in said
    assert "Traceback" not in said


@given(st.dictionaries(st.sampled_from([*COMPLETE, "ENOTAS_URL", "INTERNAL_PORT"]), st.text()))
def test_no_environment_makes_the_reader_stumble(env: dict[str, str]) -> None:
    with suppress(SettingsError):
        load_reconciler(env)
