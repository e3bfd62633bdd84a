"""Files that are no models, and what they are instead."""

from __future__ import annotations

from typing import Final

from parametry.formats.peek import Peek

__all__ = ["what_it_is"]

_BEGINNINGS: Final = (
    (b"version https://git-lfs.github.com/spec/", "a Git LFS pointer; get the file: git lfs pull"),
    (b"\x1f\x8b", "packed by gzip; unpack it"),
    (b"BZh", "packed by bzip2; unpack it"),
    (b"\xfd7zXZ", "packed by xz; unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it"),
    (b"Rar!", "a RAR archive; unpack it"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\x80\x02", "a pickle, which is not read: it may run any code"),
    (b"\x80\x03", "a pickle, which is not read: it may run any code"),
    (b"\x80\x04", "a pickle, which is not read: it may run any code"),
    (b"\x80\x05", "a pickle, which is not read: it may run any code"),
    (b"GGUF", "a GGUF model, which is not read"),
    (b"SQLite format 3", "a SQLite database"),
)
_TFLITE: Final = b"TFL3"
_PAGES: Final = (b"<!doctype html", b"<html", b"<head", b"<body")


def what_it_is(peek: Peek) -> str:
    """What a file that no format recognises is, in words."""
    start = peek.start
    if not start:
        return "an empty file"
    if not start.strip(b"\0"):
        return "a file that begins with nothing but zeros"
    for beginning, words in _BEGINNINGS:
        if start.startswith(beginning):
            return words
    if start[4:8] == _TFLITE:
        return "a TensorFlow Lite model, which is not read"
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(_PAGES):
        return "an HTML page: the download gave a page in place of the file"
    if text.startswith(b"<?xml"):
        return "an XML document"
    if peek.is_zip:
        return _archive(peek)
    if text[:1] in (b"{", b"["):
        return "JSON text, and no model"
    return "of no kind of file that is known"


def _archive(peek: Peek) -> str:
    names = peek.names
    if any(name.endswith("/data.pkl") for name in names):
        return "a torch file that holds no tensors"
    if not names:
        return "an empty zip archive"
    return "a zip archive, and none of a model"
