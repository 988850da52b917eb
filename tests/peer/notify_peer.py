#!/usr/bin/env python3
"""A mail server and a receiver of webhooks for scenarios.

  notify_peer.py DIR smtp [CERT KEY]   writes its port to DIR/smtp.port; each letter becomes DIR/mail-N.eml and a
                                       line in DIR/mail.log. With CERT and KEY: STARTTLS and a sign-in
                                       (mamori, geheim) are demanded.
  notify_peer.py DIR hook              writes its port to DIR/hook.port; each note is a line of JSON in DIR/hook.log.

What DIR/smtp.say (or DIR/hook.say) holds is answered instead of 250 (200), or "hang": nothing at all.
"mail 550 ..." and "rcpt 550 ..." answer the sender and the receiver of a letter.
"""
import json
import os
import ssl
import sys
import time


def said(folder, name, otherwise):
    try:
        with open(os.path.join(folder, name)) as f:
            return f.read().strip() or otherwise
    except FileNotFoundError:
        return otherwise


def publish(folder, name, port):
    with open(os.path.join(folder, name + ".tmp"), "w") as f:
        f.write(str(port))
    os.rename(os.path.join(folder, name + ".tmp"), os.path.join(folder, name))


def smtp(folder, cert=None, key=None):
    import asyncio
    from aiosmtpd.smtp import SMTP, AuthResult

    class Handler:
        n = 0

        async def handle_MAIL(self, server, session, envelope, address, options):
            say = said(folder, "smtp.say", "250 OK")
            if say.startswith("mail "):
                return say[5:]
            envelope.mail_from = address
            envelope.mail_options.extend(options)
            return "250 OK"

        async def handle_RCPT(self, server, session, envelope, address, options):
            say = said(folder, "smtp.say", "250 OK")
            if say.startswith("rcpt "):
                return say[5:]
            envelope.rcpt_tos.append(address)
            return "250 OK"

        async def handle_DATA(self, server, session, envelope):
            Handler.n += 1
            path = os.path.join(folder, f"mail-{Handler.n}.eml")
            with open(path + ".tmp", "wb") as f:
                f.write(envelope.original_content)
            os.rename(path + ".tmp", path)
            with open(os.path.join(folder, "mail.log"), "a") as f:
                f.write(f"{envelope.mail_from} {','.join(envelope.rcpt_tos)} tls={session.ssl is not None}\n")
            say = said(folder, "smtp.say", "250 OK")
            if say == "hang":
                await asyncio.sleep(3600)
            return say if say[:1].isdigit() else "250 OK"

    def auth(server, session, envelope, mechanism, data):
        good = data.login == b"mamori" and data.password == b"geheim"
        return AuthResult(success=good, handled=good)

    def factory():
        if not cert:
            return SMTP(Handler(), enable_SMTPUTF8=False)
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ctx.load_cert_chain(cert, key)
        return SMTP(Handler(), tls_context=ctx, require_starttls=True, authenticator=auth, auth_required=True)

    async def run():
        server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0)
        publish(folder, "smtp.port", server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def hook(folder):
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            say = said(folder, "hook.say", "200")
            with open(os.path.join(folder, "hook.log"), "a") as f:
                f.write(json.dumps({"path": self.path, "body": body.decode(), "say": say,
                                    "headers": {k.lower(): v for k, v in self.headers.items()}}) + "\n")
            if say == "hang":
                time.sleep(3600)
            if say.startswith("302 "):
                self.send_response(302)
                self.send_header("location", say[4:])
            else:
                self.send_response(int(say))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    publish(folder, "hook.port", server.server_address[1])
    server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[2] not in ("smtp", "hook"):
        sys.exit(__doc__)
    (smtp if sys.argv[2] == "smtp" else hook)(sys.argv[1], *sys.argv[3:])
