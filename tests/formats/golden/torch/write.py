"""Writes the golden files beside it, with the torch that is installed (2.13 when they were made).

Run it as ``python tests/formats/golden/torch/write.py``; they are kept, so that a later torch that
writes otherwise does not change what is tested. ``dtypes.npz`` and the like hold what torch itself
reads from them, as raw bytes.
"""

from __future__ import annotations

import argparse
import collections
import datetime
import pathlib
import pickle
import struct
import tarfile
from io import BytesIO
from typing import Any

import numpy as np
import torch
from torch import nn

HERE = pathlib.Path(__file__).parent
DTYPES = (
    *("float64", "float32", "float16", "bfloat16", "complex64", "complex128", "complex32", "bool"),
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"),
)


class Net(nn.Module):
    """An encoder and a decoder that share a matrix, one of them transposed; a buffer; a list."""

    def __init__(self) -> None:
        super().__init__()
        self.width = 4
        self.encoder = nn.Linear(4, 3)
        self.layers = nn.ModuleList([nn.Linear(3, 3), nn.BatchNorm1d(3)])
        self.head = nn.Linear(3, 3)
        self.head.weight = self.layers[0].weight
        self.decoder = nn.Linear(3, 4, bias=False)
        self.decoder.weight = nn.Parameter(self.encoder.weight.detach().t())
        self.encoder.bias.requires_grad = False
        self.register_buffer("scale", torch.arange(4.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.encoder(x * self.scale)
        for layer in self.layers:
            x = layer(x)
        return self.decoder(self.head(x))


def values(name: str) -> torch.Tensor:
    """Twelve values of a dtype, made from bits so that every dtype has some."""
    dtype = getattr(torch, name)
    if name == "bool":
        return torch.arange(12).reshape(3, 4) % 3 == 0
    bits = torch.arange(1, 12 * dtype.itemsize + 1, dtype=torch.uint8) * 5 % 120
    return bits.view(dtype).reshape(3, 4)


def checkpoint(net: Net) -> dict[str, Any]:
    trained = [one for one in net.parameters() if one.requires_grad]
    groups = [{"params": trained[:2], "lr": 0.01}, {"params": trained[2:], "lr": 0.1}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.5)
    torch.nn.functional.mse_loss(net(torch.ones(5, 4)), torch.zeros(5, 4)).backward()
    optimizer.step()
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3)
    return {
        "epoch": 3,
        "model": net.state_dict(),
        "optimizer": optimizer.state_dict(),
        "lr_scheduler": scheduler.state_dict(),
        "ema": {"shadow": collections.OrderedDict(net.state_dict())},
        "args": argparse.Namespace(batch_size=32, out=pathlib.Path("runs/1"), betas=(0.9, 0.99)),
        "best": np.float32(0.25),
        "loss": torch.tensor(0.5),
        "history": np.arange(3),
        "made": datetime.datetime(2026, 11, 22, 13, 30),
        "dtype": torch.float16,
        "device": torch.device("cpu"),
        "counts": collections.Counter("aab"),
        "seen": {1, 2},
        "big": 2**70,
        "raw": b"\x00\xff",
        "text": "Größe",
    }


def lightning(net: Net) -> dict[str, Any]:
    optimizer = torch.optim.SGD(net.head.named_parameters(), lr=0.1, momentum=0.9)
    for one in net.head.parameters():
        one.grad = torch.ones_like(one)
    optimizer.step()
    return {
        "epoch": 1,
        "global_step": 7,
        "pytorch-lightning_version": "2.6.0",
        "state_dict": net.state_dict(),
        "loops": {"fit_loop": {"state_dict": {}}},
        "callbacks": {
            "EarlyStopping{'monitor': 'loss'}": {"patience": 3, "best": torch.tensor(0.5)}
        },
        "optimizer_states": [optimizer.state_dict()],
        "lr_schedulers": [{"gamma": 0.5, "last_epoch": 1}],
        "hparams_name": "kwargs",
        "hyper_parameters": {"width": 4, "dropout": 0.1, "widths": [1, 2]},
        "datamodule_hyper_parameters": {"batch_size": 8},
    }


def views() -> dict[str, torch.Tensor]:
    base = torch.arange(24.0)
    square = torch.arange(9.0).reshape(3, 3)
    return {
        "base": base,
        "whole": base.view(24),
        "part": base[4:10],
        "matrix": base.view(4, 6),
        "matrix_again": base.view(4, 6),
        "turned": base.view(4, 6).t(),
        "strided": base.view(4, 6)[::2, 1::2],
        "cube": base.view(2, 3, 4).permute(1, 2, 0),
        "square": square,
        "square_turned": square.t(),
        "expanded": torch.ones(1).expand(3, 2),
        "empty": torch.zeros(0, 3),
        "scalar": torch.tensor(7.0),
        "conjugate": torch.tensor([1 + 2j, 3 - 4j]).conj(),
        "negative": torch.tensor([1 + 2j, 3 - 4j]).conj().imag,
    }


def special() -> dict[str, Any]:
    affine = torch.quantize_per_tensor(torch.arange(4.0), 0.5, 2, torch.qint8)
    scales, zeros = torch.tensor([0.5, 0.25]), torch.tensor([0, 1])
    channels = torch.quantize_per_channel(torch.ones(2, 2), scales, zeros, 0, torch.quint8)
    tagged = torch.arange(3.0)
    tagged.note = "kept"
    return {
        "affine": affine,
        "channels": channels,
        "sparse": torch.eye(3).to_sparse(),
        "rows": torch.eye(3).to_sparse_csr(),
        "meta": torch.zeros(2, 2, device="meta"),
        "tagged": tagged,
        "buffer": nn.Buffer(torch.ones(2)),
        "parameter": nn.Parameter(torch.ones(2)),
        "frozen": nn.Parameter(torch.ones(2), requires_grad=False),
        "integers": torch.arange(3),
    }


def write_tar(path: pathlib.Path) -> None:
    """The format of torch 0.1, by what ``torch.serialization.legacy_load`` reads."""
    weight, bias = np.arange(6, dtype="<f4"), np.arange(3, dtype="<f8")
    storages = BytesIO()
    pickle.dump(2, storages, protocol=2)
    for key, array, kind in ((11, weight, torch.FloatStorage), (12, bias, torch.DoubleStorage)):
        pickle.dump((key, "cpu", kind), storages, protocol=2)
        storages.write(struct.pack("<q", array.size) + array.tobytes())
    pickle.dump([(13, 11, 2, 4)], storages, protocol=2)
    tensors = BytesIO()
    entries = ((21, 11, (2, 3), (3, 1), 0), (22, 12, (3,), (1,), 0), (23, 13, (2, 2), (2, 1), 0))
    pickle.dump(len(entries), tensors, protocol=2)
    for key, storage, size, stride, offset in entries:
        pickle.dump((key, storage, torch.FloatTensor), tensors, protocol=2)
        tensors.write(struct.pack(f"<ii{len(size)}q", len(size), 0, *size))
        tensors.write(struct.pack(f"<{len(size)}qq", *stride, offset))

    class Reference:
        def __init__(self, key: int) -> None:
            self.key = key

    class Pickler(pickle.Pickler):
        def persistent_id(self, found: Any) -> Any:
            return found.key if isinstance(found, Reference) else None

    content = BytesIO()
    Pickler(content, protocol=2).dump(
        collections.OrderedDict(
            {"fc.weight": Reference(21), "fc.bias": Reference(22), "part": Reference(23)}
        )
    )
    with tarfile.open(path, "w:", format=tarfile.PAX_FORMAT) as archive:
        for name, stream in (("storages", storages), ("tensors", tensors), ("pickle", content)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(stream.getvalue()), 1_480_000_000.5
            archive.addfile(entry, BytesIO(stream.getvalue()))


def turn_around(path: pathlib.Path, target: pathlib.Path) -> None:
    """A file as a machine of the other byte order writes it."""
    import zipfile

    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("/byteorder"):
                content = b"big"
            new.writestr(name, content)
    # What the storages' bytes mean is the test's to compare: they are as they were.


def main() -> None:
    torch.manual_seed(0)
    net = Net()
    old = {"_use_new_zipfile_serialization": False}
    torch.save({name: values(name) for name in DTYPES}, HERE / "dtypes.pt")
    torch.save({name: values(name) for name in DTYPES[:6]}, HERE / "dtypes_legacy.pt", **old)
    torch.save(net.state_dict(), HERE / "state_dict.pt")
    torch.save(net.state_dict(), HERE / "state_dict_legacy.pt", **old)
    torch.save(net.state_dict(), HERE / "state_dict_protocol_5.pt", pickle_protocol=5)
    torch.save(net, HERE / "whole.pt")
    torch.save(net, HERE / "whole_legacy.pt", **old)
    torch.jit.script(net).save(HERE / "scripted.pt")
    torch.save(checkpoint(net), HERE / "checkpoint.pt")
    torch.save(lightning(net), HERE / "lightning.ckpt")
    torch.save(views(), HERE / "views.pt")
    torch.save(views(), HERE / "views_legacy.pt", **old)
    torch.save(special(), HERE / "special.pt")
    torch.save(torch.arange(6.0).reshape(2, 3), HERE / "tensor.pt")
    turn_around(HERE / "dtypes.pt", HERE / "dtypes_big_endian.pt")
    write_tar(HERE / "tar.pt")


if __name__ == "__main__":
    main()
