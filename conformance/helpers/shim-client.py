#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Speaks to a shim of containerd's by its socket: ttrpc, with messages put together by hand.

shim-client.py call SOCKET METHOD [FIELD]…   one call of the Task service; prints "CODE MESSAGE",
                                             then the answer's fields, one a line
shim-client.py message [FIELD]…              writes a message to standard output
shim-client.py fields                        prints the fields of the message on standard input
shim-client.py garbage SOCKET SEED           a connection full of noise
shim-client.py frames SOCKET                 what no client may send, and what comes of it
shim-client.py deaf SOCKET ID                asks for ever, and reads no answer

TIMEOUT in the environment says how many seconds the caller waits, SERVICE which service it means.

A FIELD is NUMBER=TEXT, NUMBER:=INTEGER, or NUMBER(FIELD,FIELD…) for a message in a message.
"""

import os
import random
import socket
import struct
import sys

SERVICE = os.environ.get("SERVICE", "containerd.task.v2.Task")


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def split(text):
    """The FIELDs between commas that are in no parentheses and no braces."""
    parts, depth = [""], 0
    for character in text:
        depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part for part in parts if part]


def parse(text):
    """One FIELD of the command line as bytes."""
    digits = ""
    while text[len(digits)].isdigit():
        digits += text[len(digits)]
    number, rest = int(digits), text[len(digits):]
    if rest.startswith(":="):
        return field(number, int(rest[2:], 0))
    if rest.startswith("="):
        return field(number, rest[1:].encode())
    if rest.startswith("(") and rest.endswith(")"):
        return field(number, b"".join(map(parse, split(rest[1:-1]))))
    raise SystemExit(f"no field: {text}")


def fields(message):
    """Pairs of number and value: an int, or bytes."""
    at = 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    found = []
    while at < len(message):
        tag = number()
        if tag & 7 == 0:
            found.append((tag >> 3, number()))
        elif tag & 7 == 1:
            found.append((tag >> 3, struct.unpack("<d", message[at:at + 8])[0]))
            at += 8
        elif tag & 7 == 2:
            size = number()
            found.append((tag >> 3, message[at:at + size]))
            at += size
        else:
            raise ValueError(f"kind {tag & 7}")
    return found


def show(message, indent=""):
    for number, value in fields(message):
        if not isinstance(value, bytes):
            print(f"{indent}{number}: {value}")
            continue
        text = value.decode("utf-8", "replace")
        if text.replace("\n", "").isprintable():
            escaped = text.replace("\n", "\\n")
            print(f'{indent}{number}: "{escaped}"')
            continue
        try:
            fields(value)
        except (ValueError, IndexError):
            print(f"{indent}{number}: {value.hex()}")
        else:
            print(f"{indent}{number}:")
            show(value, indent + "  ")


def frame(stream, data, kind=1, flags=0):
    return struct.pack(">IIBB", len(data), stream, kind, flags) + data


def request(method, payload, service=SERVICE):
    data = field(1, service.encode()) + field(2, method.encode()) + field(3, payload)
    if "TIMEOUT" in os.environ:
        data += field(4, int(os.environ["TIMEOUT"]) * 1_000_000_000)
    return data


def connect(path):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    connection.connect(path)
    return connection


def receive(connection, size):
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def answer(connection):
    """The next answer: stream, code, message, payload."""
    size, stream, kind, _ = struct.unpack(">IIBB", receive(connection, 10))
    assert kind == 2, kind
    parts = dict(fields(receive(connection, size)))
    status = dict(fields(parts.get(1, b"")))
    return stream, status.get(1, 0), status.get(2, b"").decode(), parts.get(2, b"")


def call(path, method, payload, service=SERVICE):
    connection = connect(path)
    connection.sendall(frame(1, request(method, payload, service)))
    return answer(connection)[1:]


def frames(path):
    connection = connect(path)
    connect_request = request("Connect", field(1, b"x"))

    def send(what, data):
        connection.sendall(data)
        _, code, message, _ = answer(connection)
        print(f"{what}: {code} {message}")

    send("oversized", struct.pack(">IIBB", (4 << 20) + 1, 1, 1, 0) + bytes((4 << 20) + 1))
    send("after it", frame(3, connect_request))
    send("even stream", frame(4, connect_request))
    send("stream used before", frame(3, connect_request))
    send("data", frame(5, b"x", kind=3))
    send("open stream", frame(7, connect_request, flags=2))
    send("no request", frame(9, b"\xff\xff\xff"))
    send("no service", frame(11, request("Connect", b"", "a.B")))
    send("no method", frame(13, request("Nothing", b"")))
    send("no message", frame(15, request("State", b"\x0a\x05x")))
    send("not UTF-8", frame(17, request("State", field(1, b"\xff"))))
    connection.sendall(frame(19, b"", kind=77))
    send("unknown kind passed over, then", frame(21, connect_request))
    # Half a message, and away.
    connection.sendall(struct.pack(">IIBB", 1000, 23, 1, 0) + b"abc")
    connection.close()


def garbage(path, seed):
    noise = random.Random(seed)
    for _ in range(20):
        connection = connect(path)
        try:
            for _ in range(30):
                data = noise.randbytes(noise.randrange(200))
                if noise.random() < 0.7:
                    data = frame(noise.randrange(1 << 16) | 1, data, noise.choice([1, 1, 1, 2, 3, 9]))
                connection.sendall(data)
        except OSError:
            pass
        connection.close()


def deaf(path, container):
    """Until the shim reads no more of it, or has ended the connection."""
    connection = connect(path)
    connection.settimeout(2)
    data = request("State", field(1, container.encode()))
    stream = 1
    try:
        while stream < 2_000_000:
            connection.sendall(b"".join(frame(stream + 2 * i, data) for i in range(100)))
            stream += 200
        print("never held up")
    except TimeoutError:
        print("held up")
    except OSError:
        print("cut off")


def main(command, *words):
    if command == "call":
        code, message, payload = call(words[0], words[1], b"".join(map(parse, words[2:])))
        print(code, message)
        show(payload)
        sys.exit(1 if code else 0)
    elif command == "message":
        sys.stdout.buffer.write(b"".join(map(parse, words)))
    elif command == "fields":
        show(sys.stdin.buffer.read())
    elif command == "garbage":
        garbage(words[0], int(words[1]))
    elif command == "frames":
        frames(words[0])
    elif command == "deaf":
        deaf(*words)
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
