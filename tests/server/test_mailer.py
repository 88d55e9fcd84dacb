"""One letter and one mail server: what is accepted, refused, put off, and what nobody can know."""

from __future__ import annotations

import email
import email.policy
import ssl
from email.message import EmailMessage

import pytest

from server.mail_settings import FILE, MailSettings, MailSettingsError, read
from server.mailer import Later, Mailer, MailFailure, Refused, Unsure
from tests.server.smtp_faults import Breaking, Postbox, certificate, free_port, only, server_context, serving

TO = "mairie@exemple.fr"


def settings(port: int, **changes) -> MailSettings:
    values = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "parvis@exemple.fr",
              "url": "https://parvis.exemple.fr", "timeout_s": 5.0, "end_timeout_s": 5.0}  # fmt: skip
    return MailSettings(**(values | changes))


def letter(text: str = "Bonjour") -> bytes:
    mail = EmailMessage(policy=email.policy.SMTP)
    mail["Subject"], mail["Message-ID"] = "Rapport", "<1@exemple.fr>"
    mail.set_content(text)
    return mail.as_bytes()


@pytest.fixture
def tls(tmp_path_factory):
    made = certificate(tmp_path_factory.mktemp("tls"))
    if made is None:
        pytest.skip("the openssl command is needed: apt-get install openssl")
    return made


@pytest.fixture
def box():
    return Postbox()


@pytest.fixture
def serve(box):
    started = []

    def start(**options):
        controller = serving(box, **options)
        started.append(controller)
        return controller.port

    yield start
    for controller in started:
        controller.stop()


def test_a_letter_arrives_whole_also_one_with_dots(serve, box):
    handed = []
    port = serve()
    Mailer(settings(port)).send(letter("a\n.\n..b\n.c"), TO, lambda: handed.append(len(box.letters)))
    [(sender, recipients, content)] = box.letters
    assert (sender, recipients) == ("parvis@exemple.fr", [TO])
    body = email.message_from_bytes(content, policy=email.policy.SMTP).get_content()
    assert body.replace("\r\n", "\n") == "a\n.\n..b\n.c\n"
    assert handed == [0], "said just before the mail server could accept it"


def test_starttls_with_a_checked_certificate_and_a_login(serve, box, tls, tmp_path):
    cert, key = tls
    port = serve(
        tls_context=server_context(cert, key), authenticator=only("parvis", "s3cret"), auth_required=True
    )
    password = tmp_path / "password"
    password.write_text("s3cret\n")
    password.chmod(0o600)
    own = settings(port, host="localhost", security="starttls", user="parvis", password_file=password)
    trust = ssl.create_default_context(cafile=cert)
    Mailer(own, trust).send(letter(), TO, lambda: None)
    assert len(box.letters) == 1
    password.write_text("wrong")
    with pytest.raises(Later) as wrong:
        Mailer(own, trust).send(letter(), TO, lambda: None)
    assert wrong.value.problem == "login"
    assert "wrong" not in str(wrong.value)
    with pytest.raises(Later) as unknown:
        Mailer(own).send(letter(), TO, lambda: None)
    assert unknown.value.problem == "tls"
    assert len(box.letters) == 1


def test_tls_from_the_first_byte(serve, box, tls):
    cert, key = tls
    port = serve(ssl_context=server_context(cert, key))
    own = settings(port, host="localhost", security="tls")
    Mailer(own, ssl.create_default_context(cafile=cert)).send(letter(), TO, lambda: None)
    assert len(box.letters) == 1


def test_nothing_is_sent_to_a_server_without_the_encryption_that_was_asked_for(serve, box):
    with pytest.raises(Later) as found:
        Mailer(settings(serve(), security="starttls")).send(letter(), TO, lambda: None)
    assert found.value.problem == "tls"
    assert not box.letters


@pytest.mark.parametrize(
    ("answer", "kind", "problem"),
    [("550 no such user", Refused, "refused"), ("451 greylisted, come back", Later, "later")],
)
def test_what_a_server_says_to_a_recipient_or_a_letter_is_told(serve, box, answer, kind, problem):
    port = serve()
    for where in (box.at_recipient, box.at_data):
        where.append(answer)
        with pytest.raises(kind) as found:
            Mailer(settings(port)).send(letter(), TO, lambda: None)
        assert found.value.problem == problem
        assert str(found.value) == answer
    assert not box.letters


def test_a_dead_port_is_told():
    handed = []
    with pytest.raises(Later) as found:
        Mailer(settings(free_port())).send(letter(), TO, lambda: handed.append(1))
    assert found.value.problem == "unreachable"
    assert not handed


@pytest.mark.parametrize("silent", [True, False], ids=["hangs", "hangs up"])
@pytest.mark.parametrize("at", ["hello", "recipient", "letter", "dot"])
def test_a_conversation_that_breaks_is_unsure_only_after_the_dot(at, silent):
    server = Breaking(at, silent=silent)
    handed = []
    try:
        own = settings(server.port, timeout_s=0.6, end_timeout_s=0.6)
        with pytest.raises(MailFailure) as found:
            Mailer(own).send(letter("x" * 60), TO, lambda: handed.append(1))
    finally:
        server.stop()
    if at in {"hello", "recipient"}:
        assert type(found.value) is Later
        assert not handed
        assert found.value.problem == ("timeout" if silent else "unreachable")
    if at == "dot":
        assert type(found.value) is Unsure
        assert server.got.endswith(b"\r\n.\r\n")
        assert handed


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("host = 'a'", "sender is missing"),
        ("host = 'a'\nsender = 'x'\nurl = 'https://a'", "one address"),
        ("host = 'a'\nsender = 'x@a.fr, y@a.fr'\nurl = 'https://a'", "one address"),
        ("host = 'a'\nsender = 'x@a.fr'\nurl = 'a'", "https://parvis"),
        ("host = 'a'\nsender = 'x@a.fr'\nurl = 'https://a'\nsecurity = 'ssl'", "starttls, tls or none"),
        ("host = 'a'\nsender = 'x@a.fr'\nurl = 'https://a'\npassword = 'p'", "no setting 'password'"),
        ("host = 'a'\nsender = 'x@a.fr'\nurl = 'https://a'\nuser = 'p'", "belong together"),
        (
            "host = 'a'\nsender = 'x@a.fr'\nurl = 'https://a'\nuser='p'\npassword_file='f'\nsecurity='none'",
            "network",
        ),
        ("host = ", "Invalid value"),
        ("host = 3\nsender = 'x@a.fr'\nurl = 'https://a'", "mail.toml"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_the_file_and_the_rule(tmp_path, text, told):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(MailSettingsError) as found:
        read(tmp_path)
    assert told in str(found.value)
    assert FILE in str(found.value)


def test_a_password_that_others_can_read_is_refused(tmp_path):
    secret = tmp_path / "p"
    secret.write_text("hush")
    secret.chmod(0o644)
    own = settings(25, user="u", password_file=secret, security="tls")
    with pytest.raises(MailSettingsError, match="chmod 600"):
        own.password()
    with pytest.raises(MailSettingsError, match="cannot be read"):
        settings(25, user="u", password_file=tmp_path / "none", security="tls").password()
    assert read(tmp_path) is None
