"""Files of tensors without PyTorch: written and read with Python's own zipfile and pickle.

torch_files.py write DIR     makes the files that test-torch.c expects
torch_files.py show FILE     prints the tensors of a file, one JSON object a line
torch_files.py torch FILE    the same through PyTorch itself (exit status 77 where it is not installed)
"""
import collections
import io
import json
import pickle
import struct
import sys
import types
import zipfile

FORMATS = {"Double": "d", "Float": "f", "Half": "e", "BFloat16": "H", "Long": "q", "Int": "i",
           "Short": "h", "Char": "b", "Byte": "B", "Bool": "?"}


def fake_modules():
    """Modules under PyTorch's names, so that pickle writes and finds those."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in FORMATS:
        storage = type(name + "Storage", (), {"format": FORMATS[name], "kind": name})
        storage.__module__ = "torch"
        setattr(torch, name + "Storage", storage)

    def _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks):
        return Tensor(storage.kind, storage.numbers, size, stride, offset)

    def _rebuild_parameter(data, requires_grad, hooks):
        return data

    for function in (_rebuild_tensor_v2, _rebuild_parameter):
        function.__module__, function.__qualname__ = "torch._utils", function.__name__
        setattr(utils, function.__name__, function)
    torch._utils = utils
    sys.modules.update({"torch": torch, "torch._utils": utils})
    return torch


class Storage:
    def __init__(self, kind, key, numbers):
        self.kind, self.key, self.numbers = kind, key, numbers


class Tensor:
    def __init__(self, kind, numbers, size, stride=None, offset=0, parameter=False):
        if stride is None:
            stride, step = [], 1
            for n in reversed(size):
                stride.insert(0, step)
                step *= n
        self.kind, self.numbers, self.size = kind, numbers, tuple(size)
        self.stride, self.offset, self.parameter = tuple(stride), offset, parameter

    def values(self):
        def rows(at, size, stride):
            if not size:
                return self.numbers[at]
            return [rows(at + i * stride[0], size[1:], stride[1:]) for i in range(size[0])]
        return rows(self.offset, self.size, self.stride)


class Bare:
    """A tensor behind a parameter."""

    def __init__(self, tensor):
        self.tensor = tensor


class Pickler(pickle._Pickler):
    def __init__(self, file, protocol, torch):
        super().__init__(file, protocol)
        self.torch, self.storages = torch, []

    def reducer_override(self, value):
        if isinstance(value, Bare) or (isinstance(value, Tensor) and not value.parameter):
            tensor = value.tensor if isinstance(value, Bare) else value
            storage = next((s for s in self.storages if s.numbers is tensor.numbers), None)
            if storage is None:
                storage = Storage(tensor.kind, str(len(self.storages)), tensor.numbers)
                self.storages.append(storage)
            return (self.torch._utils._rebuild_tensor_v2,
                    (storage, tensor.offset, tensor.size, tensor.stride, False,
                     collections.OrderedDict()))
        if isinstance(value, Tensor):
            return (self.torch._utils._rebuild_parameter, (Bare(value), True, collections.OrderedDict()))
        return NotImplemented

    def persistent_id(self, value):
        if isinstance(value, Storage):
            storage_class = getattr(self.torch, value.kind + "Storage")
            return ("storage", storage_class, value.key, "cuda:0", len(value.numbers))
        return None


def pack(kind, numbers):
    return struct.pack("<%d%s" % (len(numbers), FORMATS[kind]), *numbers)


def save(path, value, protocol=2, compression=zipfile.ZIP_STORED, folder="archive", zip64=False, extra=()):
    torch = fake_modules()
    buffer = io.BytesIO()
    pickler = Pickler(buffer, protocol, torch)
    pickler.dump(value)
    with zipfile.ZipFile(path, "w", compression) as archive:
        def add(name, data):
            with archive.open(folder + "/" + name, "w", force_zip64=zip64) as entry:
                entry.write(data)
        add("data.pkl", buffer.getvalue())
        for name, data in extra:
            add(name, data)
        for storage in pickler.storages:
            add("data/" + storage.key, pack(storage.kind, storage.numbers))
        add("version", b"3\n")


def write_all(folder):
    state = collections.OrderedDict()
    shared = [float(i) for i in range(24)]
    state["plain"] = Tensor("Float", shared, (2, 3, 4))
    state["turned"] = Tensor("Float", shared, (4, 3), (1, 8), 2)
    state["parameter"] = Tensor("Double", [0.1, -2.5], (2,), parameter=True)
    state["half"] = Tensor("Half", [1.5, -0.25, 65504.0], (3,))
    state["brain"] = Tensor("BFloat16", [0x3f80, 0xc040], (2,))
    state["long"] = Tensor("Long", [-1, 2 ** 40], (2,))
    state["int"] = Tensor("Int", [7], ())
    state["empty"] = Tensor("Float", [], (0, 5))
    state._metadata = collections.OrderedDict([("", {"version": 1})])
    for protocol in (2, 3, 4, 5):
        save("%s/state-%d.pt" % (folder, protocol), state, protocol)
    save(folder + "/zip64.pt", state, zip64=True)
    save(folder + "/nested.pt", {"step": 12, "lr": 1e-4, "name": "x", "none": None, "flag": True,
                                 "model": {"a": Tensor("Float", [1.0], (1,))},
                                 "list": [Tensor("Long", [5, 6], (2,)), (Tensor("Byte", [9], (1,)),)]})
    save(folder + "/bare.pt", Tensor("Long", [3, 1, 4, 1, 5], (5,)), folder="tokens")
    save(folder + "/deflated.pt", state, compression=zipfile.ZIP_DEFLATED)
    save(folder + "/big-endian.pt", state, extra=[("byteorder", b"big")])
    save(folder + "/beyond.pt", {"a": Tensor("Float", [1.0, 2.0], (3,))})
    save(folder + "/far.pt", {"a": Tensor("Float", [1.0, 2.0], (2, 2 ** 62), (2 ** 62, 1))})
    save(folder + "/repeated.pt", {"a": Tensor("Float", [1.0], (1 << 20,), (0,))})
    save(folder + "/code.pt", {"a": Tensor("Float", [1.0], (1,)), "b": print})
    with open(folder + "/legacy.pt", "wb") as file:
        pickle.dump(0x1950a86a20f9469cfc6c, file, 2)
        pickle.dump(1001, file, 2)
        pickle.dump({"protocol_version": 1001}, file, 2)
    with zipfile.ZipFile(folder + "/other.zip", "w") as archive:
        archive.writestr("readme.txt", "nothing")


class Unpickler(pickle.Unpickler):
    def __init__(self, archive, folder):
        super().__init__(archive.open(folder + "data.pkl"))
        self.archive, self.folder = archive, folder

    def persistent_load(self, saved):
        kind, storage, key, _, count = saved
        assert kind == "storage"
        data = self.archive.read(self.folder + "data/" + key)
        result = Storage(storage.kind, key, None)
        result.numbers = list(struct.unpack("<%d%s" % (count, storage.format), data))
        return result


def show(value, name=""):
    if isinstance(value, Tensor):
        print(json.dumps({"name": name, "kind": value.kind, "shape": list(value.size), "values": value.values()}))
    elif isinstance(value, dict):
        for key, item in value.items():
            show(item, name + "." + key if name else key)


def main():
    command, path = sys.argv[1:]
    if command == "write":
        write_all(path)
    elif command == "show":
        fake_modules()
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            folder = next(n for n in archive.namelist() if n.endswith("/data.pkl"))[:-len("data.pkl")]
            show(Unpickler(archive, folder).load())
    else:
        try:
            import torch
        except ImportError:
            sys.exit(77)
        value = torch.load(path)
        for name, tensor in ({"": value} if torch.is_tensor(value) else value).items():
            print(json.dumps({"name": name, "kind": tensor.storage().__class__.__name__,
                              "shape": list(tensor.shape), "values": tensor.double().tolist()}))


if __name__ == "__main__":
    main()
