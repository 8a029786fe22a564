"""A mail server for tests, real SMTP by aiosmtpd in a thread: STARTTLS with a certificate of a CA made here, AUTH, and
misbehaviour on command.

    ca = CertificateAuthority(directory)                    # ca.file: for alert.smtp.ca-file
    with SmtpServer(port, tls=ca.context(), password="secret") as server:
        server.do("4xx")        # "good", "5xx", "stall" (DATA is not answered until the next do())
        server.mails            # accepted ones: email.message.EmailMessage, with .envelope_to
        server.attempts         # MAIL commands seen, as (over_tls, authenticated)

Ended and begun again on the same port it is the same server that was away."""

import asyncio
import datetime
import email
import email.policy
import ipaddress
import ssl

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"
USER = "tandem"
REPLIES = {
    "4xx": "451 4.3.0 try again later",
    "5xx": "554 5.7.1 we do not want this",
}


class CertificateAuthority:
    """A CA and one server certificate for 127.0.0.1, as files in the directory."""

    def __init__(self, directory, name="ca"):
        self.file = directory / f"{name}.pem"
        self._server = directory / f"{name}-server.pem"
        authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        authority = self._sign(subject, subject, authority_key, authority_key, [(x509.BasicConstraints(True, None), True)])
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))])
        server = self._sign(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")]), subject, server_key, authority_key, [(address, False)]
        )
        pem = serialization.Encoding.PEM
        self.file.write_bytes(authority.public_bytes(pem))
        self._server.write_bytes(
            server.public_bytes(pem)
            + server_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )

    @staticmethod
    def _sign(subject, issuer, key, issuer_key, extensions):
        now = datetime.datetime.utcnow()
        builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(days=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=1))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(issuer_key, hashes.SHA256())

    def context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._server)
        return context


class _Handler:
    def __init__(self, server):
        self.server = server

    async def handle_MAIL(self, smtp, session, envelope, address, options):  # noqa: N802
        self.server.attempts.append((session.ssl is not None, bool(session.authenticated)))
        envelope.mail_from = address
        return "250 OK"

    async def handle_DATA(self, smtp, session, envelope):  # noqa: N802
        server = self.server
        if server.mood == "stall":
            server.stalled += 1
            while server.mood == "stall" and not server.ended:
                await asyncio.sleep(0.02)
            return "451 4.3.0 that was slow"
        if server.mood in REPLIES:
            server.refused += 1
            return REPLIES[server.mood]
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        mail.envelope_to = list(envelope.rcpt_tos)
        server.mails.append(mail)
        return "250 OK"


class SmtpServer:
    def __init__(self, port, tls=None, password=None):
        self.port, self._tls, self._password = port, tls, password
        self.mails, self.attempts, self.logins = [], [], []
        self.mood, self.stalled, self.refused, self.ended = "good", 0, 0, False

    def do(self, mood):
        self.mood = mood

    def _authenticate(self, smtp, session, envelope, mechanism, data):
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), self._password.encode())
        self.logins.append(good)
        return AuthResult(success=good, handled=good)

    def _factory(self):
        options = {"tls_context": self._tls, "require_starttls": self._tls is not None, "hostname": "mail.test"}
        if self._password:
            options.update(authenticator=self._authenticate, auth_required=True, auth_require_tls=self._tls is not None)
        return SMTP(_Handler(self), **options)

    def __enter__(self):
        self.ended = False
        self._controller = Controller(_Handler(self), hostname=HOST, port=self.port)
        self._controller.factory = self._factory
        self._controller.start()
        return self

    def __exit__(self, *what):
        self.ended = True
        self._controller.stop()
