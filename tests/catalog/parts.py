#!/usr/bin/env python3
"""Writes rules/catalog/parts.yaml: what the parts of detectors and segmenters keep for backward,
so that a network can be put together from the names of its backbone, neck and heads.

    python parts.py > rules/catalog/parts.yaml

A maintainer's tool, like vision.py, whose meter it uses: tensors without values, storages that
live. Backbones are the libraries' own definitions; necks and heads are written down here from
the published configurations, layer by layer. Everything is counted at 1024 x 1024 pixels and goes
with the pixels; what goes with the regions of interest of an image is counted for one image.
"""
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision
from torch._subclasses.fake_tensor import FakeTensorMode
from torchvision.ops.misc import FrozenBatchNorm2d

import vision

SIDE = 1024
KIB = 1024


def batch():
    return vision.BATCH


def image(channels, stride):
    return torch.empty(batch(), channels, SIDE // stride, SIDE // stride, device="cuda",
                       requires_grad=True)


# --- backbones ------------------------------------------------------------------------


class DeepStem(nn.Sequential):
    """Three convolutions in place of the one of 7 x 7 (ResNet V1c, V1d)."""

    def __init__(self, norm):
        def unit(a, b, stride):
            return [nn.Conv2d(a, b, 3, stride, 1, bias=False), norm(b), nn.ReLU(inplace=True)]
        super().__init__(*unit(3, 32, 2), *unit(32, 32, 1), *unit(32, 64, 1)[:2])


def resnet(name, deep=False):
    bottleneck = int(name[6:]) >= 50

    def make(norm=nn.BatchNorm2d, dilated=False):
        more = {"replace_stride_with_dilation": [False, True, True]} if dilated else {}
        if dilated and not bottleneck:
            raise NotImplementedError
        net = getattr(torchvision.models, name)(norm_layer=norm, **more)
        if deep:
            net.conv1, net.bn1 = DeepStem(norm), nn.Identity()
        net.fc = nn.Identity()
        return net

    def steps(net):
        yield lambda x: net.maxpool(net.relu(net.bn1(net.conv1(x))))
        yield from (net.layer1, net.layer2, net.layer3, net.layer4)
    return make, steps


def wide_resnet(depths, groups, width):
    def make(norm=nn.BatchNorm2d, dilated=False):
        net = torchvision.models.ResNet(torchvision.models.resnet.Bottleneck, depths, groups=groups,
                                        width_per_group=width, norm_layer=norm,
                                        replace_stride_with_dilation=[False, dilated, dilated])
        net.fc = nn.Identity()
        return net
    return make, resnet("resnet50")[1]


class Caffe:
    """The first of a bottleneck's convolutions strides, not the second."""

    def __init__(self, name):
        self.plain, self.steps = resnet(name)

    def make(self, norm=nn.BatchNorm2d, dilated=False):
        net = self.plain(norm, dilated)
        for module in net.modules():
            if isinstance(module, torchvision.models.resnet.Bottleneck):
                module.conv1.stride, module.conv2.stride = module.conv2.stride, (1, 1)
        return net


class Shifted(nn.Module):
    """A block's first convolution over channels moved along time (TSM)."""

    def __init__(self, conv1):
        super().__init__()
        self.conv1 = conv1

    def forward(self, x):
        return self.conv1(torch.cat([x[:, :8], x[:, 8:]], 1))


def shifted(name):
    plain, steps = resnet(name)

    def make():
        net = plain()
        for block in (b for layer in (net.layer1, net.layer2, net.layer3, net.layer4) for b in layer):
            block.conv1 = Shifted(block.conv1)
        return net
    return make, steps


CLIP = 16  # frames that inflated networks are counted at; figures are for one


def inflate(module, steps_of_time):
    """Convolutions over time and space in place of those over space."""
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Conv2d):
            kernel, time = child.kernel_size, steps_of_time(name, child)
            setattr(module, name, nn.Conv3d(child.in_channels, child.out_channels, (time[0], *kernel),
                                            (time[1], *child.stride), (time[0] // 2, *child.padding), bias=False))
        elif isinstance(child, nn.BatchNorm2d):
            setattr(module, name, nn.BatchNorm3d(child.num_features))
        elif isinstance(child, nn.MaxPool2d):
            time = steps_of_time(name, child)
            setattr(module, name, nn.MaxPool3d((1, 3, 3), (time[1], 2, 2), (0, 1, 1)))
        else:
            inflate(child, steps_of_time)


def inflated(name, strides_time):
    """ResNet3dSlowOnly keeps every frame; ResNet3d (I3D) strides three times over time."""
    plain, _ = resnet(name)

    def make():
        net = plain()

        def time(part, child):
            first = part == "conv1" and getattr(child, "in_channels", 0) == 3
            stride = 2 if strides_time and (first or part == "maxpool") else 1
            return (5 if first and strides_time else 3 if part == "conv1" and not first else 1, stride)
        inflate(net, time)
        return net

    def steps(net):
        yield lambda x: net.maxpool(net.relu(net.bn1(net.conv1(x))))
        yield net.layer1
        yield lambda x: net.layer2(F.max_pool3d(x, (2, 1, 1)) if strides_time else x)
        yield from (net.layer3, net.layer4)
    return make, steps


def without_last(name):
    """The first four stages of a ResNet: the fifth runs over regions ("C4")."""
    caffe = Caffe(name)

    def make(norm=nn.BatchNorm2d):
        net = caffe.make(norm)
        net.layer4 = nn.Identity()
        return net
    return make, lambda net: list(resnet(name)[1](net))[:4]


def library(name):
    """A network of timm by its stages, where it has such; else as one."""
    import timm

    def make(norm=None, dilated=False):
        if norm is FrozenBatchNorm2d or dilated and not name.startswith(("res2net", "resnest")):
            raise NotImplementedError
        if name.startswith(("hrnet", "darknet")):
            more = {"feature_location": ""} if name.startswith("hrnet") else {}
            return timm.create_model(name, features_only=True, **more)
        extra = {"img_size": SIDE} if name.startswith("swin") else {"output_stride": 8} if dilated else {}
        return timm.create_model(name, num_classes=0, **extra)

    def steps(net):
        if hasattr(net, "layer4"):
            yield lambda x: net.maxpool(net.act1(net.bn1(net.conv1(x))))
            yield from (net.layer1, net.layer2, net.layer3, net.layer4)
        elif hasattr(net, "s4"):
            yield from (net.stem, net.s1, net.s2, net.s3, net.s4)
        elif hasattr(net, "patch_embed"):
            yield from (net.patch_embed, *net.layers)
        elif isinstance(getattr(net, "stages", None), nn.Module) and len(net.stages) == 4:
            yield from (net.stem, *net.stages)
        elif hasattr(net, "forward_features") and not name.startswith("hrnet"):
            yield net.forward_features
        else:
            yield net
    return make, steps


RESNETS = {"18": "resnet18", "34": "resnet34", "50": "resnet50", "101": "resnet101", "152": "resnet152"}
BACKBONES = {}
for depth, name in RESNETS.items():
    BACKBONES[f"ResNet-{depth}"] = resnet(name)
    BACKBONES[f"ResNetV1c-{depth}"] = resnet(name, deep=True)
    if int(depth) >= 50:
        caffe = Caffe(name)
        BACKBONES[f"ResNet-{depth}-caffe"] = (caffe.make, caffe.steps)
for depth in ("50", "101"):
    BACKBONES[f"ResNetTSM-{depth}"] = shifted(RESNETS[depth])
    BACKBONES[f"ResNet3dSlowOnly-{depth}"] = inflated(RESNETS[depth], False)
    BACKBONES[f"ResNet3d-{depth}"] = inflated(RESNETS[depth], True)
    BACKBONES[f"ResNet-{depth}-C4"] = without_last(RESNETS[depth])
BLOCKS = {50: [3, 4, 6, 3], 101: [3, 4, 23, 3], 152: [3, 8, 36, 3]}
for depth, blocks in BLOCKS.items():
    for groups, width in ((32, 4), (64, 4), (32, 8)):
        BACKBONES[f"ResNeXt-{depth}-{groups}x{width}d"] = wide_resnet(blocks, groups, width)
OTHERS = {
    "SwinTransformer-96": "swin_tiny_patch4_window7_224", "SwinTransformer-96-18": "swin_small_patch4_window7_224",
    "SwinTransformer-128-18": "swin_base_patch4_window7_224", "SwinTransformer-192-18": "swin_large_patch4_window7_224",
    "ConvNeXt-tiny": "convnext_tiny", "ConvNeXt-small": "convnext_small", "ConvNeXt-base": "convnext_base",
    "ConvNeXt-large": "convnext_large", "HRNet-18": "hrnet_w18", "HRNet-32": "hrnet_w32", "HRNet-40": "hrnet_w40",
    "HRNet-48": "hrnet_w48", "Res2Net-50": "res2net50_26w_4s", "Res2Net-101": "res2net101_26w_4s",
    "ResNeSt-50": "resnest50d", "ResNeSt-101": "resnest101e", "MobileNetV2": "mobilenetv2_100",
    "MobileNetV3-large": "mobilenetv3_large_100", "MobileNetV3-small": "mobilenetv3_small_100",
    "Darknet-53": "darknet53", "VGG-16": "vgg16", "SSDVGG-16": "vgg16",
    "RegNet-regnetx_400mf": "regnetx_004", "RegNet-regnetx_800mf": "regnetx_008",
    "RegNet-regnetx_1.6gf": "regnetx_016", "RegNet-regnetx_3.2gf": "regnetx_032",
    "RegNet-regnetx_4.0gf": "regnetx_040", "RegNet-regnetx_6.4gf": "regnetx_064",
    "RegNet-regnetx_8.0gf": "regnetx_080", "RegNet-regnetx_12gf": "regnetx_120",
    "EfficientNet-b0": "efficientnet_b0", "EfficientNet-b3": "efficientnet_b3",
}
for name, there in OTHERS.items():
    BACKBONES[name] = library(there)


class Counted(vision.Meter):
    """Remembers the largest convolution of every stage."""

    def lap(self):
        was, self.conv = self.conv, 0
        return was


def count_stages(make, steps, amp, norm=None, dilated=False):
    more = {**({"norm": norm} if norm else {}), **({"dilated": True} if dilated else {})}
    with FakeTensorMode(allow_non_fake_inputs=True):
        net = vision.on_cuda(lambda: make(**more))
        frames = CLIP if any(isinstance(m, nn.Conv3d) for m in net.modules()) else 1
        shape = (batch(), 3, frames, SIDE, SIDE) if frames > 1 else (batch(), 3, SIDE, SIDE)
        x = torch.empty(*shape, device="cuda")
        meter, kept, convs = Counted(), [], []
        meter.ignore(x.untyped_storage())
        with meter, torch.autocast("cuda", torch.float16, enabled=amp):
            for step in steps(net):
                x = step(x)
                kept.append(meter.now / batch() / frames)
                convs.append(meter.lap() / batch() / frames)
            torch.clear_autocast_cache()
        widths = [t.shape[1] for t in (x if isinstance(x, (list, tuple)) else [x])]
        parameters = sum(p.numel() for p in net.parameters())
    # Several maps are joined by what stands on them.
    return [b - a for a, b in zip([0] + kept, kept)], convs, parameters, sum(widths)


# --- necks and heads ------------------------------------------------------------------


def conv(a, b, kernel=3, stride=1, norm=None, dilation=1):
    parts = [nn.Conv2d(a, b, kernel, stride, dilation * (kernel // 2), dilation)]
    if norm == "gn":
        parts.append(nn.GroupNorm(32, b))
    elif norm:
        parts.append(nn.BatchNorm2d(b))
    return nn.Sequential(*parts, nn.ReLU(inplace=True))


class FPN(nn.Module):
    def __init__(self, channels=(256, 512, 1024, 2048), out=256, extra=1):
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(c, out, 1) for c in channels)
        self.smooth = nn.ModuleList(nn.Conv2d(out, out, 3, 1, 1) for _ in channels)
        self.down = nn.ModuleList(nn.Conv2d(out, out, 3, 2, 1) for _ in range(extra))

    def forward(self, maps):
        sides = [layer(x) for layer, x in zip(self.lateral, maps)]
        for i in range(len(sides) - 1, 0, -1):
            sides[i - 1] = sides[i - 1] + F.interpolate(sides[i], scale_factor=2.0)
        out = [layer(x) for layer, x in zip(self.smooth, sides)]
        for layer in self.down:
            out.append(layer(out[-1]))
        return out


class PoolLast(FPN):
    def __init__(self):
        super().__init__(extra=0)

    def forward(self, maps):
        out = super().forward(maps)
        return out + [F.max_pool2d(out[-1], 1, 2)]


class HighFpn(nn.Module):
    """HRNet's: all maps side by side at the finest, one convolution, pooled to a pyramid."""

    def __init__(self, channels=480, out=256):
        super().__init__()
        self.reduce = nn.Conv2d(channels, out, 1)
        self.smooth = nn.ModuleList(nn.Conv2d(out, out, 3, 1, 1) for _ in range(5))

    def forward(self, maps):
        joined = torch.cat([F.interpolate(x, maps[0].shape[2:], mode="bilinear") for x in maps], 1)
        one = self.reduce(joined)
        levels = [one] + [F.avg_pool2d(one, 2 ** i) for i in range(1, 5)]
        return [layer(x) for layer, x in zip(self.smooth, levels)]


class Joined(nn.Module):
    """A decode head over all maps side by side at a quarter of the side (HRNet)."""

    def __init__(self, channels=480):
        super().__init__()
        self.mix, self.drop = conv(channels, channels, 1, norm="bn"), nn.Dropout2d(0.1)
        self.last = nn.Conv2d(channels, 1, 1)

    def forward(self, *maps):
        joined = torch.cat([F.interpolate(x, maps[0].shape[2:], mode="bilinear") for x in maps], 1)
        return self.last(self.drop(self.mix(joined)))


class CrissCross(nn.Module):
    """Twice over the same weights; attention to one row and one column."""

    def __init__(self, channels=512):
        super().__init__()
        self.q, self.k, self.v = nn.Conv2d(channels, 64, 1), nn.Conv2d(channels, 64, 1), nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        for _ in range(2):
            weight = (self.q(x) * self.k(x)).sum(1, keepdim=True).expand(-1, 2 * x.shape[2], -1, -1).softmax(1)
            x = x + self.v(x) * weight.sum(1, keepdim=True)
        return x


class Rpn(nn.Module):
    """Region proposals over five levels: 3 anchors a position."""

    def __init__(self, channels=256, anchors=3):
        super().__init__()
        self.shared = conv(channels, channels)
        self.scores = nn.Conv2d(channels, anchors, 1)
        self.boxes = nn.Conv2d(channels, 4 * anchors, 1)

    def forward(self, maps):
        hidden = [self.shared(x) for x in maps]
        return [(self.scores(x), self.boxes(x)) for x in hidden]


class Towers(nn.Module):
    """Two towers of convolutions over all levels; class scores are counted per class apart."""

    def __init__(self, anchors=9, norm=None, depth=4, outputs=4, towers=2):
        super().__init__()
        self.towers = nn.ModuleList(nn.Sequential(*[conv(256, 256, norm=norm) for _ in range(depth)])
                                    for _ in range(towers))
        self.boxes = nn.Conv2d(256, outputs * anchors, 3, 1, 1)

    def forward(self, maps):
        out = [[t(x) for t in self.towers] for x in maps]
        return out, [self.boxes(both[-1]) for both in out]


class Boxes(nn.Module):
    """Two linear layers over 512 regions of 7 x 7."""

    def __init__(self, width=1024, classes=1):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(256 * 49, width), nn.ReLU(inplace=True), nn.Linear(width, width),
                                    nn.ReLU(inplace=True))
        self.scores, self.sides = nn.Linear(width, classes + 1), nn.Linear(width, 4 * classes)

    def forward(self, regions):
        x = self.layers(regions.flatten(1))
        return self.scores(x).log_softmax(-1), self.sides(x)


class ConvBoxes(nn.Module):
    """Four convolutions with group norm, then one linear layer (Wu and He 2018)."""

    def __init__(self):
        super().__init__()
        self.convs = nn.Sequential(*[conv(256, 256, norm="gn") for _ in range(4)])
        self.layer = nn.Sequential(nn.Linear(256 * 49, 1024), nn.ReLU(inplace=True), nn.Linear(1024, 401))

    def forward(self, regions):
        return self.layer(self.convs(regions).flatten(1))


class Masks(nn.Module):
    def __init__(self, classes=1, norm=None):
        super().__init__()
        self.convs = nn.Sequential(*[conv(256, 256, norm=norm) for _ in range(4)])
        self.up = nn.ConvTranspose2d(256, 256, 2, 2)
        self.out = nn.Conv2d(256, classes, 1)

    def forward(self, regions):
        return self.out(F.relu(self.up(self.convs(regions)), inplace=True))


class Keypoints(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.Sequential(conv(256, 512), *[conv(512, 512) for _ in range(7)])
        self.up = nn.ConvTranspose2d(512, 17, 4, 2, 1)

    def forward(self, regions):
        return F.interpolate(self.up(self.convs(regions)), scale_factor=2, mode="bilinear")


class LastStage(nn.Module):
    """The fifth stage of a ResNet over 512 regions of 14 x 14 (Res5ROIHeads, "C4")."""

    def __init__(self):
        super().__init__()
        self.stage = torchvision.models.resnet50(norm_layer=FrozenBatchNorm2d).layer4
        self.out = nn.Linear(2048, 401)

    def forward(self, regions):
        return self.out(self.stage(regions).mean((2, 3)))


class Decoder(nn.Module):
    """A decode head over the last map of a dilated ResNet: FIRST makes HIDDEN channels of it."""

    def __init__(self, body, hidden=512):
        super().__init__()
        self.body, self.drop = body, nn.Dropout2d(0.1)
        self.last = nn.Conv2d(hidden, 1, 1)

    def forward(self, x):
        return self.last(self.drop(self.body(x)))


class Concat(nn.Module):
    """BODY(x) beside x, then one convolution."""

    def __init__(self, body, channels=2048, hidden=512):
        super().__init__()
        self.body, self.out = body, conv(channels + hidden, hidden, norm="bn")

    def forward(self, x):
        return self.out(torch.cat([x, self.body(x)], 1))


class Pyramid(nn.Module):
    def __init__(self, channels=2048, hidden=512, scales=(1, 2, 3, 6)):
        super().__init__()
        self.scales = scales
        self.convs = nn.ModuleList(conv(channels, hidden, 1, norm="bn") for _ in scales)
        self.out = conv(channels + len(scales) * hidden, hidden, norm="bn")

    def forward(self, x):
        parts = [x]
        for scale, layer in zip(self.scales, self.convs):
            small = layer(F.adaptive_avg_pool2d(x, scale))
            parts.append(F.interpolate(small, x.shape[2:], mode="bilinear"))
        return self.out(torch.cat(parts, 1))


def separable(a, b, dilation=1):
    return nn.Sequential(nn.Conv2d(a, a, 3, 1, dilation, dilation, groups=a, bias=False), nn.BatchNorm2d(a),
                         nn.ReLU(inplace=True), nn.Conv2d(a, b, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True))


class Aspp(nn.Module):
    def __init__(self, channels=2048, hidden=512, light=False):
        super().__init__()
        self.pool = conv(channels, hidden, 1, norm="bn")
        unit = (lambda d: separable(channels, hidden, d)) if light else \
            (lambda d: conv(channels, hidden, 3, norm="bn", dilation=d))
        self.convs = nn.ModuleList([conv(channels, hidden, 1, norm="bn")] + [unit(d) for d in (12, 24, 36)])
        self.out = conv(5 * hidden, hidden, norm="bn")

    def forward(self, x):
        pooled = F.interpolate(self.pool(F.adaptive_avg_pool2d(x, 1)), x.shape[2:], mode="bilinear")
        return self.out(torch.cat([pooled] + [layer(x) for layer in self.convs], 1))


class AsppWithLow(nn.Module):
    """DeepLabV3+: the second stage's map joins at a quarter of the side."""

    def __init__(self):
        super().__init__()
        self.aspp, self.low = Aspp(light=True), conv(256, 48, 1, norm="bn")
        self.out = nn.Sequential(separable(560, 512), separable(512, 512))
        self.last = nn.Conv2d(512, 1, 1)

    def forward(self, low, x):
        up = F.interpolate(self.aspp(x), low.shape[2:], mode="bilinear")
        return self.last(self.out(torch.cat([up, self.low(low)], 1)))


class NonLocal(nn.Module):
    """Attention between all positions; its scores are counted as the squared part."""

    def __init__(self, channels=512, inner=256):
        super().__init__()
        self.q, self.k, self.v = (nn.Conv2d(channels, inner, 1) for _ in range(3))
        self.out = nn.Sequential(nn.Conv2d(inner, channels, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x):
        q, k, v = (layer(x).flatten(2) for layer in (self.q, self.k, self.v))
        mixed = v * q * k  # what the two products keep besides the scores
        return x + self.out(mixed.view(x.shape[0], -1, *x.shape[2:]))


class Uper(nn.Module):
    def __init__(self, channels=(256, 512, 1024, 2048), hidden=512):
        super().__init__()
        self.pyramid = Pyramid(channels[-1], hidden)
        self.lateral = nn.ModuleList(conv(c, hidden, 1, norm="bn") for c in channels[:-1])
        self.smooth = nn.ModuleList(conv(hidden, hidden, norm="bn") for _ in channels[:-1])
        self.out = conv(hidden * len(channels), hidden, norm="bn")
        self.drop, self.last = nn.Dropout2d(0.1), nn.Conv2d(hidden, 1, 1)

    def forward(self, *maps):
        sides = [layer(x) for layer, x in zip(self.lateral, maps)] + [self.pyramid(maps[-1])]
        for i in range(len(sides) - 1, 0, -1):
            sides[i - 1] = sides[i - 1] + F.interpolate(sides[i], sides[i - 1].shape[2:], mode="bilinear")
        out = [layer(x) for layer, x in zip(self.smooth, sides)] + [sides[-1]]
        out = [out[0]] + [F.interpolate(x, out[0].shape[2:], mode="bilinear") for x in out[1:]]
        return self.last(self.drop(self.out(torch.cat(out, 1))))


class SemanticFpn(nn.Module):
    """Convolutions and doublings from every level up to a quarter of the side."""

    def __init__(self):
        super().__init__()
        self.scales = nn.ModuleList()
        for level in range(4):
            steps = [conv(256 if i == 0 else 128, 128, norm="bn") for i in range(max(level, 1))]
            self.scales.append(nn.ModuleList(steps))
        self.last = nn.Conv2d(128, 1, 1)

    def forward(self, *maps):
        total = 0
        for level, (steps, x) in enumerate(zip(self.scales, maps)):
            for step in steps:
                x = step(x)
                if level:
                    x = F.interpolate(x, scale_factor=2, mode="bilinear")
            total = total + x
        return self.last(total)


class Context(nn.Module):
    """Object context: a pixel map, class regions, attention of pixels to 19 regions."""

    def __init__(self, channels=2048, hidden=512, key=256):
        super().__init__()
        self.pixels = conv(channels, hidden, norm="bn")
        self.q = nn.Sequential(conv(hidden, key, 1, norm="bn"), conv(key, key, 1, norm="bn"))
        self.back = conv(key, hidden, 1, norm="bn")
        self.out = conv(2 * hidden, hidden, 1, norm="bn")

    def forward(self, x):
        x = self.pixels(x)
        return self.out(torch.cat([self.back(self.q(x)), x], 1))


class Mlp(nn.Module):
    """SegFormer's head: every map to one width, joined at a quarter of the side."""

    def __init__(self, channels=(64, 128, 320, 512), hidden=256):
        super().__init__()
        self.each = nn.ModuleList(conv(c, hidden, 1, norm="bn") for c in channels)
        self.out, self.last = conv(4 * hidden, hidden, 1, norm="bn"), nn.Conv2d(hidden, 1, 1)

    def forward(self, *maps):
        out = [layer(x) for layer, x in zip(self.each, maps)]
        out = [F.interpolate(x, out[0].shape[2:], mode="bilinear") for x in out]
        return self.last(self.out(torch.cat(out, 1)))


LEVELS = (4, 8, 16, 32, 64)
SINGLE = (8, 16, 32, 64, 128)
PYRAMID = [(256, s) for s in LEVELS]
PYRAMID_SINGLE = [(256, s) for s in SINGLE]
STAGES = [(256, 4), (512, 8), (1024, 16), (2048, 32)]
DILATED = [(2048, 8)]
REGIONS = [("regions", 512, 256, 7)]
MAPS = [(32, 4), (64, 8), (128, 16), (256, 32)]
MASKS = [("regions", 128, 256, 14)]

# name: (kind, definition, inputs, how the inputs are passed, further fields)
PARTS = {
    "FPN": ("neck", PoolLast, STAGES, "list", {}),
    "FPN-single": ("neck", lambda: FPN((512, 1024, 2048), extra=2), STAGES[1:], "list", {}),
    "HRFPN": ("neck", HighFpn, MAPS, "list", {}),
    "RPNHead": ("head", Rpn, PYRAMID, "list", {"pyramid": 4, "anchors": 3, "compared": "true"}),
    "BoxHead": ("head", Boxes, REGIONS, "each", {"class_kib": 512 * 5 * 4 // 1024}),
    "Shared4Conv1FCBBoxHead": ("head", ConvBoxes, REGIONS, "each", {}),
    "FCNMaskHead": ("head", Masks, MASKS, "each", {"class_kib": 128 * 28 * 28 * 4 // 1024}),
    "KeypointHead": ("head", Keypoints, MASKS, "each", {}),
    "RPNHead-C4": ("head", lambda: Rpn(1024, 15), [(1024, 16)], "list", {"pyramid": 16, "anchors": 11, "compared": "true"}),
    "Res5Head": ("head", LastStage, [("regions", 512, 1024, 14)], "each", {}),
    # Scores as convolved and as flattened, and what a focal loss in one kernel saves.
    "RetinaHead": ("head", Towers, PYRAMID_SINGLE, "list",
                   {"pyramid": 8, "anchors": 9, "score_bytes": 12, "compared": "true"}),
    "RotatedRetinaHead": ("head", Towers, PYRAMID_SINGLE, "list", {"pyramid": 8, "anchors": 9, "score_bytes": 12, "compared": "true"}),
    # The focal loss of fvcore and torchvision: ten tensors of the scores' size.
    "RetinaNet": ("head", Towers, PYRAMID_SINGLE, "list",
                  {"pyramid": 8, "anchors": 9, "score_bytes": 44, "compared": "true"}),
    "FCOSHead": ("head", lambda: Towers(1, "gn", outputs=5), PYRAMID_SINGLE, "list", {"pyramid": 8, "anchors": 1, "score_bytes": 12}),
    "FoveaHead": ("head", lambda: Towers(1), PYRAMID_SINGLE, "list", {"pyramid": 8, "anchors": 1, "score_bytes": 12}),
    "RepPointsHead": ("head", lambda: Towers(1, "gn", 3, 36), PYRAMID_SINGLE, "list", {"pyramid": 8, "anchors": 1, "score_bytes": 12}),
    "FCNHead": ("head", lambda: Decoder(Concat(nn.Sequential(conv(2048, 512, norm="bn"), conv(512, 512, norm="bn")))),
                DILATED, "each", {"stride": 8, "channels": 2048}),
    "FCNHead-auxiliary": ("head", lambda: Decoder(conv(1024, 256, norm="bn"), 256), [(1024, 8)], "each", {"stride": 8, "channels": 2048}),
    "FCNHead-joined": ("head", Joined, MAPS, "each", {"stride": 4, "channels": 480}),
    "CCHead": ("head", lambda: Decoder(Concat(nn.Sequential(conv(2048, 512, norm="bn"), CrissCross(),
                                                            conv(512, 512, norm="bn")))), DILATED, "each",
               {"stride": 8, "channels": 2048}),
    "PSPHead": ("head", lambda: Decoder(Pyramid()), DILATED, "each", {"stride": 8, "channels": 2048}),
    "ASPPHead": ("head", lambda: Decoder(Aspp()), DILATED, "each", {"stride": 8, "channels": 2048}),
    "DepthwiseSeparableASPPHead": ("head", AsppWithLow, [(256, 4), (2048, 8)], "each", {"stride": 8, "channels": 2048}),
    "NLHead": ("head", lambda: Decoder(Concat(nn.Sequential(conv(2048, 512, norm="bn"), NonLocal(),
                                                            conv(512, 512, norm="bn")))), DILATED, "each",
               {"stride": 8, "scores": 2, "channels": 2048}),
    "GCHead": ("head", lambda: Decoder(Concat(nn.Sequential(conv(2048, 512, norm="bn"), conv(512, 512, norm="bn")))),
               DILATED, "each", {"stride": 8, "channels": 2048}),
    "OCRHead": ("head", lambda: Decoder(Context()), DILATED, "each", {"stride": 8, "channels": 2048}),
    "UPerHead": ("head", Uper, STAGES, "each", {"stride": 32}),
    "FPNHead": ("head", SemanticFpn, [(256, s) for s in (4, 8, 16, 32)], "each", {"pyramid": 4}),
    "SegformerHead": ("head", Mlp, [(64, 4), (128, 8), (320, 16), (512, 32)], "each", {"stride": 32}),
}


def count_part(make, inputs, style, amp):
    with FakeTensorMode(allow_non_fake_inputs=True):
        net = vision.on_cuda(make)
        given = []
        for one in inputs:
            if one[0] == "regions":
                shape = (batch() * one[1], one[2], one[3], one[3])
            else:
                shape = (batch(), one[0], SIDE // one[1], SIDE // one[1])
            half = amp and one[0] != "regions"
            given.append(torch.empty(*shape, device="cuda", requires_grad=True,
                                     dtype=torch.float16 if half else torch.float32))
        meter = vision.Meter()
        if inputs[0][0] != "regions":  # what comes from the backbone is counted there
            for t in given:
                meter.ignore(t.untyped_storage())
        else:
            for t in given:
                meter.follow(t.untyped_storage())
        with meter, torch.autocast("cuda", torch.float16, enabled=amp):
            result = net(given) if style == "list" else net(*given)
            torch.clear_autocast_cache()
        assert result is not None
        parameters = sum(p.numel() for p in net.parameters())
    return meter.now / batch(), meter.conv / batch(), parameters


# Heads that are several parts, each as often as it stands there.
GROUPS = {
    "Res5ROIHeads": {"made_of": "[RPNHead-C4, Res5Head]"},
    "TSNHead": {"parameters": 2048 * 400},
    "StandardRoIHead": {"made_of": "[RPNHead, BoxHead]"},
    "CascadeRoIHead": {"made_of": "[RPNHead, BoxHead, BoxHead, BoxHead]", "second_times": 3},
}
# What else goes by the name, or is built of the same layers.
ALIASES = {
    "ResNet-50": ["R-50", "ResNet50"], "ResNet-101": ["R-101", "ResNet101"], "ResNet-18": ["ResNet18"],
    "StandardRoIHead": ["StandardROIHeads", "DynamicRoIHead", "FasterRCNN", "MaskRCNN", "PISARoIHead"],
    "CascadeRoIHead": ["CascadeROIHeads", "CascadeRCNN"],
    "FCNMaskHead": ["MaskRCNNConvUpsampleHead", "DynamicMaskHead"],
    "KeypointHead": ["KRCNNConvDeconvUpsampleHead"],
    "RetinaHead": ["PISARetinaHead"],
    "RotatedRetinaHead": ["KFIoURRetinaHead"],
    "FCOSHead": ["FCOS", "ATSSHead", "ATSS", "PAAHead", "GFLHead", "GFL", "NASFCOSHead", "RotatedFCOSHead", "RotatedATSSHead"],
    "RepPointsHead": ["RepPointsDetector", "RotatedRepPointsHead", "OrientedRepPointsHead"],
    "TSNHead": ["TSMHead", "I3DHead", "TRNHead"],
    "NLHead": ["DNLHead"],
    "RPNHead": ["RPN", "ProposalNetwork"],
    "FCNHead": ["EncoderDecoder-FCN"],
    "DepthwiseSeparableASPPHead": ["DeepLabV3PlusHead"],
    "FPNHead": ["SemSegFPNHead"],
}


def also(name):
    return f", aliases: [{', '.join(ALIASES[name])}]" if name in ALIASES else ""


def further(fields):
    return "".join(f", {key}: {value}" for key, value in fields.items())


def kib(values):
    return "[" + ", ".join(str(round(v / KIB)) for v in values) + "]"


def write_backbone(name, make, steps):
    kept, convs, parameters, channels = count_stages(make, steps, False)
    half = count_stages(make, steps, True)[0]
    line = f"  - {{component: {name}{also(name)}, kind: backbone, parameters: {parameters}, channels: {channels}, " \
           f"stages_kib: {kib(kept)}, stages_amp_kib: {kib(half)}, conv_kib: {kib(convs)}"
    try:
        line += f", stages_frozen_kib: {kib(count_stages(make, steps, False, FrozenBatchNorm2d)[0])}"
    except (NotImplementedError, TypeError):
        pass
    try:  # a stage that does not stride, over the input that it has in the plain network
        third, fourth = count_stages(make, steps, False, dilated=True)[0][3:]
        line += f", dilated_kib: {kib([third, fourth / 4])}"
    except (NotImplementedError, TypeError):
        pass
    print(line + "}", flush=True)


def write_part(name, kind, make, inputs, style, fields):
    kept, conv_bytes, parameters = count_part(make, inputs, style, False)
    half = count_part(make, inputs, style, True)[0]
    regions = inputs[0][0] == "regions"
    line = f"  - {{component: {name}{also(name)}, kind: {kind}, parameters: {parameters}, " \
           f"{'sample_kib' if regions else 'image_kib'}: {kib([kept, half])}, conv_kib: [{round(conv_bytes / KIB)}]"
    print(line + further(fields) + "}", flush=True)


def main():
    vision.pretend_cuda()
    vision.BATCH = 101
    print(f"""# Made by tests/catalog/parts.py from torch {torch.__version__.split('+')[0]}, torchvision \
{torchvision.__version__.split('+')[0]}. Not to be edited.
# Parts of detectors and segmenters, at 1024 x 1024 pixels. Fields: docs/FORMATS.md.
source: counted by tests/catalog/parts.py
components:""")
    only = sys.argv[1:]
    for name, (make, steps) in BACKBONES.items():
        if only and name not in only:
            continue
        try:
            write_backbone(name, make, steps)
        except Exception as e:
            print(f"{name}: {type(e).__name__}: {str(e)[:200]}", file=sys.stderr)
    for name, (kind, make, inputs, style, fields) in PARTS.items():
        if only and name not in only:
            continue
        write_part(name, kind, make, inputs, style, fields)
    for name, fields in GROUPS.items():
        if not only or name in only:
            print(f"  - {{component: {name}{also(name)}, kind: head{further(fields)}}}")


if __name__ == "__main__":
    main()
