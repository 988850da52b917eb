#!/usr/bin/env python3
"""s3do.py ADDR METHOD /PATH[?QUERY] [FILE|- [HEADER...]]: one signed S3 request, written apart from the program's own signer.

The login comes from RGW_ACCESS and RGW_SECRET. Prints the status on the first line, then the body."""
import base64
import datetime
import hashlib
import hmac
import http.client
import os
import sys
import urllib.parse

addr, method, target, *rest = sys.argv[1:]
body = open(rest[0], "rb").read() if rest and rest[0] != "-" else b""
now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
path, _, query = target.partition("?")
pairs = sorted(urllib.parse.parse_qsl(query, keep_blank_values=True))
quote = lambda s, safe="": urllib.parse.quote(s, safe=safe + "-_.~")
canonical_query = "&".join(f"{quote(k)}={quote(v)}" for k, v in pairs)
digest = hashlib.sha256(body).hexdigest()
headers = {"host": addr, "x-amz-date": now, "x-amz-content-sha256": digest,
           "content-md5": base64.b64encode(hashlib.md5(body).digest()).decode()}
for h in rest[1:]:
    k, _, v = h.partition(":")
    headers[k.strip().lower()] = v.strip()
names = ";".join(sorted(headers))
request = "\n".join([method, quote(path, "/"), canonical_query,
                     *(f"{k}:{headers[k]}" for k in sorted(headers)), "", names, digest])
scope = f"{now[:8]}/us-east-1/s3/aws4_request"
text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(request.encode()).hexdigest()])
key = b"AWS4" + os.environ["RGW_SECRET"].encode()
for part in (now[:8], "us-east-1", "s3", "aws4_request"):
    key = hmac.new(key, part.encode(), hashlib.sha256).digest()
signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={os.environ['RGW_ACCESS']}/{scope}, "
                            f"SignedHeaders={names}, Signature={signature}")
conn = http.client.HTTPConnection(addr, timeout=60)
conn.request(method, quote(path, "/") + ("?" + canonical_query if canonical_query else ""), body, headers)
answer = conn.getresponse()
print(answer.status, flush=True)
sys.stdout.buffer.write(answer.read())
