"""Reads every page of a campaign and counts its rows, as a small Python exporter would."""
import gzip
import http.client
import json
import os
import ssl
import urllib.parse

base = urllib.parse.urlsplit(os.environ["BENCH_URL"])
size = int(os.environ["BENCH_PAGE_SIZE"])
context = ssl.create_default_context(cafile=os.environ["BENCH_CA"])
connection = http.client.HTTPSConnection(base.netloc, context=context)
rows = calls = attempts = human = ended = 0
page = 0
while True:
    connection.request(
        "GET", f"{base.path}/campaigns/c-yardstick/rows?page={page}&page_size={size}",
        headers={"Accept-Encoding": "gzip", "Authorization": "Bearer key"})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise SystemExit(f"page {page}: {answer.status}")
    if answer.headers["Content-Encoding"] == "gzip":
        body = gzip.decompress(body)
    content = json.loads(body)
    for row in content["rows"]:
        rows += 1
        call = row.get("call")
        if not call:
            continue
        calls += 1
        for attempt in call["call_attempts"]:
            attempts += 1
            human += attempt.get("result") == "human"
            ended += bool(attempt.get("ended_at"))
    if len(content["rows"]) < size:
        break
    page += 1
print("{%d %d %d %d %d}" % (rows, calls, attempts, human, ended))
