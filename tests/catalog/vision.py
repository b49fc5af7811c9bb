#!/usr/bin/env python3
"""Writes rules/catalog/vision.yaml: what training keeps of one image, for every classification
network of timm and torchvision.

    python vision.py count LINES.jsonl [--part I/N] [--only REGEX]   count, one line a network
    python vision.py write LINES.jsonl... > rules/catalog/vision.yaml

A maintainer's tool (requirements.txt pins its versions); gpulint needs neither it nor Python.

The networks are the libraries' own definitions, run on fake CUDA tensors: every operation is
dispatched as on a GPU, nothing is computed and no GPU is needed. A dispatch mode follows the
storages that live. The batch is a prime that no width is a multiple of, so a storage belongs to
the batch when its size is a multiple of it. `saved` is what lives when forward ends, the image
itself apart. Backward starts with that and a gradient or two, and from there on frees more than
it takes.
"""
import argparse
import gc
import json
import logging
import os
import re
import signal
import sys
import time
import warnings
import weakref

warnings.filterwarnings("ignore")
logging.disable(logging.ERROR)

import torch
import torch.nn.functional as F
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

BATCH = 1009
SECONDS = 120  # a network that takes longer is left out


PRODUCTS = {torch.ops.aten.bmm.default, torch.ops.aten._softmax.default,
            torch.ops.aten._scaled_dot_product_flash_attention.default,
            torch.ops.aten._scaled_dot_product_efficient_attention.default}


class Meter(TorchDispatchMode):
    """Bytes of the batch's storages that live."""

    def __init__(self):
        super().__init__()
        self.seen = {}
        self.now = self.conv = 0
        self.products = False  # of two activations: their size may go with tokens squared

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        results = [t for t in tree_leaves(out) if isinstance(t, torch.Tensor)]
        for t in results:
            self.follow(t.untyped_storage())
        if func is torch.ops.aten.convolution.default:
            touched = results + [t for t in args if isinstance(t, torch.Tensor)]
            size = sum(t.nbytes for t in touched if t.nbytes % BATCH == 0)
            self.conv = max(self.conv, size)
        self.products |= func in PRODUCTS
        return out

    def follow(self, storage):
        key = storage._cdata
        if key in self.seen:
            return
        size = storage.nbytes()
        if size == 0 or size % BATCH:
            return
        self.seen[key] = weakref.ref(storage, lambda _: self.drop(key, size))
        self.now += size

    def drop(self, key, size):
        if self.seen.pop(key, None):
            self.now -= size

    def ignore(self, storage):
        self.seen[storage._cdata] = weakref.ref(storage)


def plain_attention(query, key, value, attn_mask, dropout_p, scale):
    """What runs where no fused kernel takes the shape; autocast does not reach inside."""
    with torch.autocast("cuda", enabled=False):
        share = (scale or query.size(-1) ** -0.5) ** 0.5
        scores = (query * share) @ (key * share).transpose(-2, -1)
        if attn_mask is not None:
            scores = scores + attn_mask
        return F.dropout(scores.softmax(-1), dropout_p) @ value


def fused_attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None,
                    enable_gqa=False):
    """The kernel that CUDA takes: flash in half precision without a mask, else the
    memory-efficient one. Which one runs depends on the device, so it is said here."""
    if torch.is_autocast_enabled("cuda"):
        half = torch.get_autocast_dtype("cuda")
        query, key, value = query.to(half), key.to(half), value.to(half)
    if query.dim() != 4:
        return plain_attention(query, key, value, attn_mask, dropout_p, scale)
    if enable_gqa:
        key = key.repeat_interleave(query.size(-3) // key.size(-3), -3)
        value = value.repeat_interleave(query.size(-3) // value.size(-3), -3)
    same = query.size(-1) == value.size(-1)
    if query.dtype != torch.float32 and attn_mask is None and query.size(-1) <= 256 and same:
        pad = -query.size(-1) % 8
        if pad:
            query, key, value = (F.pad(x, (0, pad)) for x in (query, key, value))
        out = torch.ops.aten._scaled_dot_product_flash_attention(
            query, key, value, dropout_p, is_causal, scale=scale)[0]
        return out[..., :out.size(-1) - pad] if pad else out
    if attn_mask is not None:
        if attn_mask.dtype == torch.bool:
            attn_mask = torch.zeros_like(attn_mask, dtype=query.dtype).masked_fill(~attn_mask, -1e9)
        attn_mask = attn_mask.to(query.dtype)
        pad = -attn_mask.size(-1) % 16
        if pad:
            attn_mask = F.pad(attn_mask, (0, pad))[..., :attn_mask.size(-1)]
        shape = query.shape[:-1] + (key.size(-2),)
        attn_mask = attn_mask.expand(shape)
    return torch.ops.aten._scaled_dot_product_efficient_attention(
        query, key, value, attn_mask, True, dropout_p, is_causal, scale=scale)[0]


def pretend_cuda():
    linspace = torch.linspace
    torch.linspace = lambda *a, **k: linspace(*a, **{**k, "device": "cpu"})
    F.scaled_dot_product_attention = fused_attention
    torch.nn.functional.scaled_dot_product_attention = fused_attention
    import torch.amp.autocast_mode as mode
    mode.torch.cuda.amp.common.amp_definitely_not_available = lambda: False
    torch.cuda.is_bf16_supported = lambda *a, **k: True


def on_cuda(make):
    """A network without values, on fake CUDA."""
    from torch.utils._python_dispatch import _disable_current_modes
    with _disable_current_modes():
        try:
            with torch.device("meta"):
                net = make()
        except NotImplementedError:  # it computes its widths with tensors
            net = make()
    twins = {}  # a parameter may stand in several modules

    def twin(t):
        if id(t) not in twins:
            fake = torch.empty(t.shape, dtype=t.dtype, device="cuda")
            if isinstance(t, torch.nn.Parameter):
                fake = torch.nn.Parameter(fake, requires_grad=t.requires_grad)
            twins[id(t)] = (fake, t)
        return twins[id(t)][0]

    for module in net.modules():
        for held in (module._parameters, module._buffers):
            for key, t in held.items():
                if t is not None:
                    held[key] = twin(t)
    return net.train()


def measure(net, side, amp):
    """Bytes kept of one image, and those of the largest convolution's input and output."""
    image = torch.empty(BATCH, 3, side, side, device="cuda")
    meter = Meter()
    meter.ignore(image.untyped_storage())
    with meter:
        with torch.autocast("cuda", torch.float16, enabled=amp):
            result = net(image)
        torch.clear_autocast_cache()
    assert result is not None  # alive, and with it what backward needs
    return [meter.now / BATCH, meter.conv / BATCH, meter.products]


# --- the networks ---------------------------------------------------------------------


def timm_entry(name):
    import timm
    config = timm.models.get_pretrained_cfg(name)
    side = config.input_size[-1] if config else 224
    return side, lambda **kw: timm.create_model(name, pretrained=False, **kw)


def torchvision_entry(name):
    import torchvision
    weights = torchvision.models.get_model_weights(name)
    best = next((w for w in weights if w.name == "IMAGENET1K_V1"), None)
    side = 224  # what the definitions take; other weights may be for larger images
    if best is not None:
        size = best.transforms.keywords.get("crop_size", 224)
        side = size if isinstance(size, int) else size[0]
    build = torchvision.models.get_model_builder(name)
    return side, lambda **kw: build(weights=None)


def names():
    import timm
    import torchvision
    for name in timm.list_models():
        yield "timm", name
    for name in torchvision.models.list_models(module=torchvision.models):
        yield "torchvision", name


def at_another_size(library, make, net, side):
    """(side, fp32 bytes saved) at a second size, where the network has one."""
    for build in (lambda s: net, lambda s: on_cuda(lambda: make(img_size=s))):
        for other in (side * 2, side + side // 2):
            try:
                return other, measure(build(other), other, False)[0]
            except TimeoutError:
                raise
            except Exception:
                gc.collect()
        if library != "timm":
            break
    return None


def count(library, name):
    side, make = (timm_entry if library == "timm" else torchvision_entry)(name)
    row = {"library": library, "name": name, "image": side}
    with FakeTensorMode(allow_non_fake_inputs=True):
        net = on_cuda(make)
        row["parameters"] = sum(p.numel() for p in net.parameters())
        kinds = {type(m).__name__ for m in net.modules()}
        row["batch_norm"] = any("BatchNorm" in k for k in kinds)
        row["fp32"] = measure(net, side, False)
        row["amp"] = measure(net, side, True)
        if row["fp32"][2]:
            row["other"] = at_another_size(library, make, net, side)
    return row


def command_count(arguments):
    pretend_cuda()
    done = set()
    if os.path.exists(arguments.out):
        done = {(r["library"], r["name"]) for r in map(json.loads, open(arguments.out))}
    part, parts = map(int, arguments.part.split("/"))

    def late(*_):
        raise TimeoutError("took too long")
    signal.signal(signal.SIGALRM, late)
    with open(arguments.out, "a") as out:
        for i, (library, name) in enumerate(names()):
            if i % parts != part or (library, name) in done:
                continue
            if arguments.only and not re.search(arguments.only, name):
                continue
            start = time.time()
            signal.alarm(SECONDS)
            try:
                row = count(library, name)
            except Exception as e:
                row = {"library": library, "name": name, "error": f"{type(e).__name__}: {e}"[:300]}
            signal.alarm(0)
            row["seconds"] = round(time.time() - start, 1)
            out.write(json.dumps(row) + "\n")
            out.flush()
            gc.collect()


# --- the rows --------------------------------------------------------------------------

# What people write for the same networks elsewhere; timm's own old names come from timm.
ALIASES = {
    "resnet18": ["microsoft/resnet-18", "resnet-18"],
    "resnet26": ["microsoft/resnet-26", "resnet-26"],
    "resnet34": ["microsoft/resnet-34", "resnet-34"],
    "resnet50": ["microsoft/resnet-50", "resnet-50"],
    "resnet101": ["microsoft/resnet-101", "resnet-101"],
    "resnet152": ["microsoft/resnet-152", "resnet-152"],
    "convnext_tiny": ["facebook/convnext-tiny-224"],
    "convnext_small": ["facebook/convnext-small-224"],
    "convnext_base": ["facebook/convnext-base-224"],
    "convnext_large": ["facebook/convnext-large-224"],
    "swin_tiny_patch4_window7_224": ["microsoft/swin-tiny-patch4-window7-224"],
    "swin_small_patch4_window7_224": ["microsoft/swin-small-patch4-window7-224"],
    "swin_base_patch4_window7_224": ["microsoft/swin-base-patch4-window7-224"],
    "swin_large_patch4_window7_224": ["microsoft/swin-large-patch4-window7-224"],
    **{f"efficientnet_b{i}": [f"efficientnet-b{i}", f"google/efficientnet-b{i}"] for i in range(8)},
}


def old_names():
    """timm's former names: those with a pretrained tag mean the network before the dot."""
    from timm.models import _registry
    found = {}
    for old, new in _registry._deprecated_models.items():
        if isinstance(new, str):
            found.setdefault(new.split(".")[0], []).append(old)
    return found


def squared_share(row):
    """Of what is kept, the part that grows with the square of the pixels."""
    if not row.get("other"):
        return 0
    side, bytes_there = row["other"]
    k, ratio = (side / row["image"]) ** 2, bytes_there / row["fp32"][0]
    share = (ratio - k) / (k * k - k)
    return round(min(share, 1), 3) if share >= 0.005 else 0


def kib(x):
    return round(x / 1024)


def same_network(a, b):
    return (a["parameters"] == b["parameters"] and a["image"] == b["image"] and
            abs(a["fp32"][0] / b["fp32"][0] - 1) < 0.02)


def one_line(row, name, aliases):
    also = f", aliases: [{', '.join(aliases)}]" if aliases else ""
    family = "vit" if row["fp32"][2] and not row["batch_norm"] else "cnn"
    text = (f"  - {{name: {name}{also}, family: {family}, parameters: {row['parameters']}, "
            f"image: {row['image']}, saved_kib: [{kib(row['fp32'][0])}, {kib(row['amp'][0])}]")
    conv, share = kib(row["fp32"][1]), squared_share(row)
    text += f", conv_kib: {conv}" if conv else ""
    text += f", squared: {share}" if share else ""
    text += ", batch_norm: true" if row["batch_norm"] else ""
    return text + "}"


def command_write(arguments):
    import timm
    import torchvision
    rows = {}
    for path in arguments.lines:
        for row in map(json.loads, open(path)):
            if "error" not in row:
                rows[row["library"], row["name"]] = row
    print(f"""# Made by tests/catalog/vision.py from torch {torch.__version__.split('+')[0]}, \
torchvision {torchvision.__version__.split('+')[0]}, timm {timm.__version__}. Not to be edited.
# saved_kib: kept for backward of one image of `image` pixels a side, in fp32 and under autocast; conv_kib:
# input and output of the largest convolution. Fields: docs/FORMATS.md.
source: counted by tests/catalog/vision.py
models:""")
    former, taken = old_names(), {name for _, name in rows}
    for library, name in sorted(rows, key=lambda k: (k[1], k[0])):
        row, shown = rows[library, name], name
        aliases = [a for a in ALIASES.get(name, []) + former.get(name, []) if a not in taken]
        twin = rows.get(("timm", name)) if library == "torchvision" else None
        if twin:
            if same_network(row, twin):
                continue
            shown, aliases = f"torchvision/{name}", []
        print(one_line(row, shown, aliases))


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    c = commands.add_parser("count")
    c.add_argument("out")
    c.add_argument("--part", default="0/1")
    c.add_argument("--only")
    w = commands.add_parser("write")
    w.add_argument("lines", nargs="+")
    arguments = parser.parse_args()
    if arguments.command == "count":
        command_count(arguments)
    else:
        command_write(arguments)


if __name__ == "__main__":
    main()
