"""Answers each request with what redis has counted for its path, in Debian's smallest Python."""

import os
import socket

HOST, PORT = os.environ["STORE"].split(":")


def count(path):
    with socket.create_connection((HOST, int(PORT)), timeout=5) as store:
        store.sendall(b"INCR %s\r\n" % path)
        return store.makefile("rb").readline().strip().lstrip(b":")


with socket.create_server(("", 8000)) as server:
    while True:
        connection, _ = server.accept()
        with connection:
            request = connection.makefile("rb")
            path = b" ".join(request.readline().split()[1:2])
            while request.readline().strip():
                pass
            try:
                status, answer = b"200 OK", b"%s: %s\n" % (path, count(path))
            except OSError as error:
                status, answer = b"502 Bad Gateway", str(error).encode() + b"\n"
            connection.sendall(b"HTTP/1.0 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(answer), answer))
