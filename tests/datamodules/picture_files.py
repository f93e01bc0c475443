"""Bytes that image libraries do not write by themselves: 16-bit PNGs of any colour type, and ICC profiles."""

import struct
import zlib

from PIL import ImageCms


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_of_16_bits(sample, colour_type, transparent=None):
    """(H, W, channels) 16-bit samples as a PNG; ``transparent`` is the colour that shows nothing."""
    height, width = sample.shape[:2]
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in sample)
    key = chunk(b"tRNS", struct.pack(f">{len(transparent)}H", *transparent)) if transparent else b""
    head = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", head) + key + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def huge_png(width, height):
    """A one-bit PNG whose few bytes unfold to ``width`` x ``height`` black pixels."""
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes((width // 8 + 1) * height))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def icc(kind, space, connection, contents):
    """An ICC profile called "mine" with ``contents`` beside name and white point."""
    d50 = struct.pack(">3i", 63190, 65536, 54061)
    name = b"desc" + bytes(4) + struct.pack(">I", 5) + b"mine" + bytes(1 + 4 + 4 + 2 + 1 + 67)
    contents = {b"desc": name, b"wtpt": b"XYZ " + bytes(4) + d50, **contents}
    place, listing, body = 132 + 12 * len(contents), b"", b""
    for tag, content in contents.items():
        listing += struct.pack(">4sII", tag, place + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    head = struct.pack(">I4sI", place + len(body), bytes(4), 0x02400000) + kind + space + connection
    head += bytes(12) + b"acsp" + bytes(28) + d50 + bytes(48)
    return head + struct.pack(">I", len(contents)) + listing + body


def ink_profile():
    """A CMYK profile in which cyan is black, and the other inks print nothing."""
    identity = struct.pack(">9i", *(65536 * (place % 4 == 0) for place in range(9)))
    ramp = bytes(range(256))
    colours = b"".join(bytes([0 if place & 8 else 255, 128, 128]) for place in range(16))  # Lab; cyan changes slowest
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + ramp * 4 + colours + ramp * 3
    return icc(b"prtr", b"CMYK", b"Lab ", {b"A2B0": table})


def linear_grey_profile():
    """A grey profile whose values are amounts of light."""
    return icc(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": b"curv" + bytes(8)})


def swapped_profile():
    """The sRGB profile with red in the place of blue, under another name."""
    content = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    tags = {content[at : at + 4]: at + 4 for at in range(132, 132 + 12 * content[131], 12)}
    red, blue = (content[tags[tag] : tags[tag] + 4] for tag in (b"rXYZ", b"bXYZ"))
    mine = bytearray(content)
    mine[tags[b"rXYZ"] : tags[b"rXYZ"] + 4], mine[tags[b"bXYZ"] : tags[b"bXYZ"] + 4] = blue, red
    return bytes(mine).replace("sRGB".encode("utf-16-be"), "mine".encode("utf-16-be"))
