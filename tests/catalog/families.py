#!/usr/bin/env python3
"""Writes rules/catalog/families.yaml: what training keeps of one sample, for networks that are no
classifiers: detection, segmentation, video, optical flow, speech, diffusion.

    python families.py count LINES.jsonl [--only REGEX]
    python families.py write LINES.jsonl > rules/catalog/families.yaml

A maintainer's tool (requirements.txt pins its versions). Counted with the meter of vision.py: the
libraries' own definitions on tensors without values. Configurations of published checkpoints are
the defaults of their classes, or written down below where they are others.
"""
import argparse
import gc
import importlib
import json
import re
import signal
import sys
import time

import torch
import torch.nn as nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._pytree import tree_leaves

import vision

RATE = 16000


class Case:
    """NAME of a LIBRARY: MAKE gives the network, FEED its arguments for a side, frames and seconds."""

    def __init__(self, library, name, family, make, feed, image=0, frames=0, seconds=0, aliases=(), extra=None):
        self.package, self.name, self.family, self.make, self.feed = library, name, family, make, feed
        self.image, self.frames, self.seconds = image, frames, seconds
        self.aliases, self.extra = list(aliases), extra or {}


def fake(*shape, dtype=torch.float32):
    return torch.empty(*shape, device="cuda", dtype=dtype)


def batch():
    return vision.BATCH


def image(side, frames, seconds):
    return (fake(batch(), 3, side, side),)


def pixels(side, frames, seconds):
    return {"pixel_values": fake(batch(), 3, side, side)}


def clip(side, frames, seconds):
    return (fake(batch(), 3, frames, side, side),)


def clip_pixels(side, frames, seconds):
    return {"pixel_values": fake(batch(), frames, 3, side, side)}


def waveform(side, frames, seconds):
    return {"input_values": fake(batch(), round(RATE * seconds))}


# --- torchvision ----------------------------------------------------------------------


def torchvision_cases():
    import torchvision

    def build(name, **more):
        return lambda: torchvision.models.get_model(name, weights=None, **more)
    for name in torchvision.models.list_models(module=torchvision.models.segmentation):
        yield Case("torchvision", name, "segmenter", build(name, weights_backbone=None), image, 520)
    sizes = {"mc3_18": (112, 16), "r2plus1d_18": (112, 16), "r3d_18": (112, 16), "s3d": (224, 16)}
    for name in torchvision.models.list_models(module=torchvision.models.video):
        side, frames = sizes.get(name, (224, 16))
        yield Case("torchvision", name, "video", build(name), clip, side, frames)
    for name in torchvision.models.list_models(module=torchvision.models.optical_flow):
        yield Case("torchvision", name, "cnn", build(name), lambda s, f, t: (fake(batch(), 3, s, s),) * 2, 384)


# --- transformers ---------------------------------------------------------------------


def hugging(config, model, **fields):
    def make():
        library = importlib.import_module("transformers")
        return getattr(library, model)(getattr(library, config)(**fields))
    return make


SEGFORMER = {
    "b0": dict(), "b1": dict(hidden_sizes=[64, 128, 320, 512]),
    "b2": dict(hidden_sizes=[64, 128, 320, 512], depths=[3, 4, 6, 3], decoder_hidden_size=768),
    "b3": dict(hidden_sizes=[64, 128, 320, 512], depths=[3, 4, 18, 3], decoder_hidden_size=768),
    "b4": dict(hidden_sizes=[64, 128, 320, 512], depths=[3, 8, 27, 3], decoder_hidden_size=768),
    "b5": dict(hidden_sizes=[64, 128, 320, 512], depths=[3, 6, 40, 3], decoder_hidden_size=768),
}
LARGE = dict(hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096)
QUIET = dict(layerdrop=0.0, mask_time_prob=0.0, mask_feature_prob=0.0, apply_spec_augment=False)
LARGE_SPEECH = dict(**LARGE, feat_extract_norm="layer", do_stable_layer_norm=True, conv_bias=True)


def vision_cases():
    def case(name, family, config, model, feed, side, frames=0, aliases=(), **fields):
        return Case("transformers", name, family, hugging(config, model, **fields), feed, side, frames, 0, aliases)
    for size, fields in SEGFORMER.items():
        yield case(f"nvidia/segformer-{size}-finetuned-ade-512-512", "segmenter", "SegformerConfig",
                   "SegformerForSemanticSegmentation", pixels, 512, 0, [f"nvidia/mit-{size}", f"segformer-{size}"],
                   num_labels=150, **fields)
    yolos = dict(image_size=[800, 1344])
    yield case("hustvl/yolos-tiny", "detector", "YolosConfig", "YolosForObjectDetection", pixels, 512, 0, [],
               hidden_size=192, num_attention_heads=3, intermediate_size=768)
    yield case("hustvl/yolos-small", "detector", "YolosConfig", "YolosForObjectDetection", pixels, 512, 0, [],
               hidden_size=384, num_attention_heads=6, intermediate_size=1536)
    yield case("hustvl/yolos-base", "detector", "YolosConfig", "YolosForObjectDetection", pixels, 800, 0, [], **yolos)
    resnet = dict(use_timm_backbone=True, use_pretrained_backbone=False)
    for depth in (50, 101):
        yield case(f"facebook/detr-resnet-{depth}", "detector", "DetrConfig", "DetrForObjectDetection", pixels, 800, 0,
                   [], backbone=f"resnet{depth}", **resnet)
    yield case("microsoft/conditional-detr-resnet-50", "detector", "ConditionalDetrConfig",
               "ConditionalDetrForObjectDetection", pixels, 800, 0, [], backbone="resnet50", **resnet)
    yield case("SenseTime/deformable-detr", "detector", "DeformableDetrConfig", "DeformableDetrForObjectDetection",
               pixels, 800, 0, [], backbone="resnet50", **resnet)
    yield case("PekingU/rtdetr_r50vd", "detector", "RTDetrConfig", "RTDetrForObjectDetection", pixels, 640, 0,
               ["rtdetr-r50"], use_pretrained_backbone=False)
    yield case("facebook/mask2former-swin-tiny-coco-instance", "segmenter", "Mask2FormerConfig",
               "Mask2FormerForUniversalSegmentation", pixels, 512)
    yield case("facebook/maskformer-swin-base-coco", "segmenter", "MaskFormerConfig",
               "MaskFormerForInstanceSegmentation", pixels, 512)
    yield case("openmmlab/upernet-convnext-tiny", "segmenter", "UperNetConfig", "UperNetForSemanticSegmentation",
               pixels, 512)
    yield case("Intel/dpt-large", "segmenter", "DPTConfig", "DPTForDepthEstimation", pixels, 384, 0, [],
               hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096, is_hybrid=False,
               backbone_out_indices=[5, 11, 17, 23], neck_hidden_sizes=[256, 512, 1024, 1024])
    yield case("vinvino02/glpn-kitti", "segmenter", "GLPNConfig", "GLPNForDepthEstimation", pixels, 512)
    yield case("MCG-NJU/videomae-base", "video", "VideoMAEConfig", "VideoMAEForVideoClassification", clip_pixels, 224,
               16, ["MCG-NJU/videomae-base-finetuned-kinetics"], num_labels=400)
    yield case("MCG-NJU/videomae-large", "video", "VideoMAEConfig", "VideoMAEForVideoClassification", clip_pixels, 224,
               16, ["MCG-NJU/videomae-large-finetuned-kinetics"], num_labels=400, **LARGE)
    yield case("facebook/timesformer-base-finetuned-k400", "video", "TimesformerConfig",
               "TimesformerForVideoClassification", clip_pixels, 224, 8, [], num_labels=400)
    yield case("google/vivit-b-16x2-kinetics400", "video", "VivitConfig", "VivitForVideoClassification", clip_pixels,
               224, 32, [], num_labels=400)
    yield case("MIT/ast-finetuned-audioset-10-10-0.4593", "encoder", "ASTConfig", "ASTForAudioClassification",
               lambda s, f, t: {"input_values": fake(batch(), 1024, 128)}, 0, 0, ["ast-base"], num_labels=527)
    text = dict(intermediate_size=3072, hidden_size=768, num_attention_heads=12)
    big = dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16)

    def pair(side, frames, seconds):
        return {"pixel_values": fake(batch(), 3, side, side), "input_ids": fake(batch(), 77, dtype=torch.long)}
    yield case("openai/clip-vit-base-patch32", "encoder", "CLIPConfig", "CLIPModel", pair, 224)
    yield case("openai/clip-vit-base-patch16", "encoder", "CLIPConfig", "CLIPModel", pair, 224, 0, [],
               vision_config=dict(patch_size=16))
    yield case("openai/clip-vit-large-patch14", "encoder", "CLIPConfig", "CLIPModel", pair, 224, 0, [],
               vision_config=dict(patch_size=14, projection_dim=768, **big), text_config=dict(**text), projection_dim=768)

    def siglip(side, frames, seconds):
        return {"pixel_values": fake(batch(), 3, side, side), "input_ids": fake(batch(), 64, dtype=torch.long)}
    yield case("google/siglip-base-patch16-224", "encoder", "SiglipConfig", "SiglipModel", siglip, 224)
    sam = {"base": {}, "large": dict(hidden_size=1024, num_hidden_layers=24, num_attention_heads=16,
                                     global_attn_indexes=[5, 11, 17, 23], mlp_dim=4096),
           "huge": dict(hidden_size=1280, num_hidden_layers=32, num_attention_heads=16,
                        global_attn_indexes=[7, 15, 23, 31], mlp_dim=5120)}

    def prompts(side, frames, seconds):
        return {"pixel_values": fake(batch(), 3, side, side), "input_points": fake(batch(), 1, 1, 2),
                "input_labels": fake(batch(), 1, 1, dtype=torch.long)}
    for size, fields in sam.items():
        yield case(f"facebook/sam-vit-{size}", "segmenter", "SamConfig", "SamModel", prompts, 1024, 0,
                   [f"sam-vit-{size[0]}"], vision_config=fields)


def speech_cases():
    def case(name, config, model, aliases=(), **fields):
        return Case("transformers", name, "encoder", hugging(config, model, **{**QUIET, **fields}), waveform, 0, 0, 10,
                    aliases)
    yield case("facebook/wav2vec2-base", "Wav2Vec2Config", "Wav2Vec2ForCTC",
               ["facebook/wav2vec2-base-960h", "wav2vec2-base"])
    yield case("facebook/wav2vec2-large", "Wav2Vec2Config", "Wav2Vec2ForCTC", [], **LARGE)
    yield case("facebook/wav2vec2-large-xlsr-53", "Wav2Vec2Config", "Wav2Vec2ForCTC",
               ["facebook/wav2vec2-xls-r-300m", "facebook/wav2vec2-large-lv60", "facebook/wav2vec2-large-960h-lv60-self"],
               **LARGE_SPEECH)
    yield case("facebook/wav2vec2-xls-r-1b", "Wav2Vec2Config", "Wav2Vec2ForCTC", [],
               **{**LARGE_SPEECH, "hidden_size": 1280, "num_hidden_layers": 48, "intermediate_size": 5120})
    yield case("facebook/hubert-base-ls960", "HubertConfig", "HubertForCTC", ["hubert-base"])
    yield case("facebook/hubert-large-ll60k", "HubertConfig", "HubertForCTC", ["facebook/hubert-large-ls960-ft"],
               **LARGE_SPEECH)
    yield case("facebook/hubert-xlarge-ll60k", "HubertConfig", "HubertForCTC", [],
               **{**LARGE_SPEECH, "hidden_size": 1280, "num_hidden_layers": 48, "intermediate_size": 5120})
    yield case("microsoft/wavlm-base", "WavLMConfig", "WavLMForCTC", ["microsoft/wavlm-base-plus"])
    yield case("microsoft/wavlm-large", "WavLMConfig", "WavLMForCTC", [], **LARGE_SPEECH)
    yield case("facebook/data2vec-audio-base", "Data2VecAudioConfig", "Data2VecAudioForCTC")
    yield case("microsoft/unispeech-sat-base", "UniSpeechSatConfig", "UniSpeechSatForCTC")
    yield case("facebook/wav2vec2-conformer-rel-pos-large", "Wav2Vec2ConformerConfig", "Wav2Vec2ConformerForCTC", [],
               **{**LARGE, "position_embeddings_type": "relative", "feat_extract_norm": "layer", "conv_bias": True})


# --- diffusers ------------------------------------------------------------------------


def diffuser(model, **fields):
    return lambda: getattr(importlib.import_module("diffusers"), model)(**fields)


SD1 = dict(sample_size=64, cross_attention_dim=768, attention_head_dim=8)
SD2 = dict(sample_size=96, cross_attention_dim=1024, attention_head_dim=[5, 10, 20, 20], use_linear_projection=True)
SDXL = dict(sample_size=128, cross_attention_dim=2048, attention_head_dim=[5, 10, 20], use_linear_projection=True,
            block_out_channels=(320, 640, 1280), down_block_types=("DownBlock2D", "CrossAttnDownBlock2D",
                                                                   "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=[1, 2, 10], addition_embed_type="text_time", addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=2816)
ATTENTION = ["to_q", "to_k", "to_v", "to_out.0"]


def steps():
    return fake(batch())


def unet(width, pooled=0):
    def feed(side, frames, seconds):
        given = {"sample": fake(batch(), 4, side // 8, side // 8), "timestep": steps(),
                 "encoder_hidden_states": fake(batch(), 77, width)}
        if pooled:
            given["added_cond_kwargs"] = {"text_embeds": fake(batch(), 1280), "time_ids": fake(batch(), 6)}
        return given
    return feed


def flux(side, frames, seconds):
    tokens = (side // 16) ** 2
    return {"hidden_states": fake(batch(), tokens, 64), "encoder_hidden_states": fake(batch(), 512, 4096),
            "pooled_projections": fake(batch(), 768), "timestep": steps(), "guidance": steps(),
            "img_ids": fake(tokens, 3), "txt_ids": fake(512, 3)}


def sd3(side, frames, seconds):
    return {"hidden_states": fake(batch(), 16, side // 8, side // 8), "timestep": steps(),
            "encoder_hidden_states": fake(batch(), 333, 4096), "pooled_projections": fake(batch(), 2048)}


def pixart(side, frames, seconds):
    return {"hidden_states": fake(batch(), 4, side // 8, side // 8), "timestep": steps(),
            "encoder_hidden_states": fake(batch(), 120, 4096),
            "added_cond_kwargs": {"resolution": None, "aspect_ratio": None}}


def ltx(side, frames, seconds):
    f, s = (frames - 1) // 8 + 1, side // 32
    return {"hidden_states": fake(batch(), f * s * s, 128), "encoder_hidden_states": fake(batch(), 128, 4096),
            "timestep": steps(), "encoder_attention_mask": fake(batch(), 128), "num_frames": f, "height": s, "width": s}


def cogvideo(side, frames, seconds):
    f = (frames - 1) // 4 + 1
    return {"hidden_states": fake(batch(), f, 16, side // 8, side // 8), "timestep": steps(),
            "encoder_hidden_states": fake(batch(), 226, 4096)}


def cogvideo5(side, frames, seconds):
    given = cogvideo(side, frames, seconds)
    f, s = (frames - 1) // 4 + 1, side // 16
    given["image_rotary_emb"] = (fake(f * s * s, 64), fake(f * s * s, 64))
    return given


def hunyuan(side, frames, seconds):
    f = (frames - 1) // 4 + 1
    return {"hidden_states": fake(batch(), 16, f, side // 8, side // 8), "timestep": steps(),
            "encoder_hidden_states": fake(batch(), 256, 4096), "encoder_attention_mask": fake(batch(), 256),
            "pooled_projections": fake(batch(), 768), "guidance": steps()}


def wan(side, frames, seconds):
    f = (frames - 1) // 4 + 1
    return {"hidden_states": fake(batch(), 16, f, side // 8, side // 8), "timestep": steps(),
            "encoder_hidden_states": fake(batch(), 512, 4096)}


def diffusion_cases():
    def case(name, make, feed, side, frames=0, aliases=(), beside=0):
        """BESIDE: parameters of text encoders and autoencoder, which stay frozen."""
        return Case("diffusers", name, "diffusion", make, feed, side, frames, 0, aliases,
                    {"frozen_parameters": beside, "adapt": True})
    sd15 = ["runwayml/stable-diffusion-v1-5", "CompVis/stable-diffusion-v1-4", "sd-legacy/stable-diffusion-v1-5",
            "benjamin-paine/stable-diffusion-v1-5"]
    yield case("stable-diffusion-v1-5/stable-diffusion-v1-5", diffuser("UNet2DConditionModel", **SD1), unet(768), 512, 0,
               sd15, 123060480 + 83653863)
    yield case("stabilityai/stable-diffusion-2-1", diffuser("UNet2DConditionModel", **SD2), unet(1024), 768, 0,
               ["stabilityai/stable-diffusion-2-1-base", "stabilityai/stable-diffusion-2"], 340387840 + 83653863)
    yield case("stabilityai/stable-diffusion-xl-base-1.0", diffuser("UNet2DConditionModel", **SDXL), unet(2048, 1280),
               1024, 0, ["sdxl"], 123060480 + 694659840 + 83653863)
    yield case("stabilityai/stable-diffusion-3-medium-diffusers", diffuser(
        "SD3Transformer2DModel", sample_size=128, num_layers=24, num_attention_heads=24, attention_head_dim=64,
        joint_attention_dim=4096, caption_projection_dim=1536, pooled_projection_dim=2048, out_channels=16,
        pos_embed_max_size=192, in_channels=16), sd3, 1024, 0, ["stabilityai/stable-diffusion-3-medium"],
        123650304 + 694659840 + 4762310656 + 83819683)
    yield case("black-forest-labs/FLUX.1-dev", diffuser("FluxTransformer2DModel", guidance_embeds=True), flux, 1024, 0,
               ["black-forest-labs/FLUX.1-schnell"], 123060480 + 4762310656 + 83819683)
    yield case("PixArt-alpha/PixArt-XL-2-1024-MS", diffuser(
        "PixArtTransformer2DModel", sample_size=128, use_additional_conditions=False, caption_channels=4096,
        cross_attention_dim=1152), pixart, 1024, 0, ["PixArt-alpha/PixArt-Sigma-XL-2-1024-MS"], 4762310656 + 83653863)
    yield case("Lightricks/LTX-Video", diffuser("LTXVideoTransformer3DModel"), ltx, 512, 49, [], 4762310656 + 935000000)
    yield case("THUDM/CogVideoX-2b", diffuser("CogVideoXTransformer3DModel"), cogvideo, 480, 49, ["zai-org/CogVideoX-2b"],
               4762310656 + 215583907)
    yield case("THUDM/CogVideoX-5b", diffuser(
        "CogVideoXTransformer3DModel", num_attention_heads=48, num_layers=42, use_rotary_positional_embeddings=True),
        cogvideo5, 480, 49, ["zai-org/CogVideoX-5b", "THUDM/CogVideoX1.5-5B"], 4762310656 + 215583907)
    yield case("hunyuanvideo-community/HunyuanVideo", diffuser("HunyuanVideoTransformer3DModel"), hunyuan, 512, 49,
               ["tencent/HunyuanVideo"], 8030261248 + 123060480 + 246489000)
    yield case("Wan-AI/Wan2.1-T2V-14B-Diffusers", diffuser("WanTransformer3DModel"), wan, 480, 81,
               ["Wan-AI/Wan2.1-T2V-14B"], 5680910336 + 126892531)
    yield case("Wan-AI/Wan2.1-T2V-1.3B-Diffusers", diffuser(
        "WanTransformer3DModel", num_attention_heads=12, ffn_dim=8960, num_layers=30), wan, 480, 81,
        ["Wan-AI/Wan2.1-T2V-1.3B"], 5680910336 + 126892531)
    ddpm = dict(block_out_channels=(128, 128, 256, 256, 512, 512), down_block_types=(
        "DownBlock2D", "DownBlock2D", "DownBlock2D", "DownBlock2D", "AttnDownBlock2D", "DownBlock2D"), up_block_types=(
        "UpBlock2D", "AttnUpBlock2D", "UpBlock2D", "UpBlock2D", "UpBlock2D", "UpBlock2D"))
    yield Case("diffusers", "UNet2DModel", "unet", diffuser("UNet2DModel", sample_size=64, **ddpm),
               lambda s, f, t: {"sample": fake(batch(), 3, s, s), "timestep": steps()}, 64)
    yield Case("diffusers", "stabilityai/sd-vae-ft-mse", "unet", diffuser(
        "AutoencoderKL", block_out_channels=(128, 256, 512, 512), layers_per_block=2, down_block_types=(
            "DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4, latent_channels=4),
        lambda s, f, t: {"sample": fake(batch(), 3, s, s)}, 256)


# --- detectors and segmenters of their own libraries ------------------------------------


def ultralytics_cases():
    def build(name):
        def make():
            tasks = importlib.import_module("ultralytics.nn.tasks")
            kind = (tasks.SegmentationModel if "-seg" in name else tasks.PoseModel if "-pose" in name else
                    tasks.OBBModel if "-obb" in name else tasks.RTDETRDetectionModel if "rtdetr" in name else
                    tasks.DetectionModel)
            with torch.device("cpu"):  # it runs once to learn its strides
                return kind(name + ".yaml", verbose=False).float()
        return make
    names = [f"yolov5{s}" for s in "nsmlx"] + [f"yolov8{s}{t}" for t in ("", "-seg", "-pose", "-obb") for s in "nsmlx"]
    names += [f"yolo11{s}{t}" for t in ("", "-seg", "-pose", "-obb") for s in "nsmlx"]
    names += [f"yolov10{s}" for s in "nsmblx"] + ["yolov9t", "yolov9s", "yolov9m", "yolov9c", "yolov9e"]
    names += [f"yolo12{s}" for s in "nsmlx"]
    for name in names:
        short = [name.replace("yolo1", "yolov1")] if name.startswith("yolo1") else []
        short += [name + "u"] if name.startswith("yolov5") else []
        yield Case("ultralytics", name, "detector", build(name), image, 640, aliases=short)


def smp_cases():
    def build(kind, encoder):
        return lambda: getattr(importlib.import_module("segmentation_models_pytorch"), kind)(
            encoder_name=encoder, encoder_weights=None)
    encoders = ["resnet18", "resnet34", "resnet50", "resnet101", "resnext50_32x4d", "se_resnext50_32x4d",
                "densenet121", "vgg16_bn", "mobilenet_v2", "mit_b0", "mit_b2", "mit_b5"]
    encoders += [f"efficientnet-b{i}" for i in range(8)]
    for kind in ("Unet", "UnetPlusPlus", "FPN", "DeepLabV3Plus", "Linknet", "MAnet", "PSPNet", "UPerNet"):
        for encoder in encoders:
            yield Case("smp", f"smp/{kind}-{encoder}", "unet" if "net" in kind.lower() else "segmenter",
                       build(kind, encoder), image, 512, aliases=[f"{kind}-{encoder}"])


def monai_cases():
    def build(kind, **fields):
        return lambda: getattr(importlib.import_module("monai.networks.nets"), kind)(**fields)

    def volume(side, frames, seconds):
        return (fake(batch(), 1, frames, side, side),)
    three = dict(spatial_dims=3, in_channels=1, out_channels=2)
    yield Case("monai", "monai/UNet", "unet", build("UNet", channels=(16, 32, 64, 128, 256), strides=(2, 2, 2, 2),
                                                    num_res_units=2, **three), volume, 96, 96)
    yield Case("monai", "monai/BasicUNet", "unet", build("BasicUNet", **three), volume, 96, 96)
    yield Case("monai", "monai/SegResNet", "unet", build("SegResNet", init_filters=8, **three), volume, 96, 96,
               aliases=["SegResNet"])
    yield Case("monai", "monai/UNETR", "unet", build("UNETR", in_channels=1, out_channels=2, img_size=(96, 96, 96)),
               volume, 96, 96, aliases=["UNETR"])
    yield Case("monai", "monai/SwinUNETR", "unet", build("SwinUNETR", in_channels=1, out_channels=2, feature_size=48),
               volume, 96, 96, aliases=["SwinUNETR"])
    yield Case("monai", "monai/VNet", "unet", build("VNet", in_channels=1, out_channels=2), volume, 96, 96,
               aliases=["VNet"])
    yield Case("monai", "monai/AttentionUnet", "unet", build("AttentionUnet", channels=(16, 32, 64, 128, 256),
                                                             strides=(2, 2, 2, 2), **three), volume, 96, 96)


def cases():
    for source in (torchvision_cases, vision_cases, speech_cases, ultralytics_cases, diffusion_cases, monai_cases,
                   smp_cases):
        yield from source()


# --- counting -------------------------------------------------------------------------


class Adapter(nn.Module):
    """Rank one beside a linear layer; its base stays frozen."""

    def __init__(self, base):
        super().__init__()
        self.base = base
        self.down = nn.Linear(base.in_features, 1, bias=False, device=base.weight.device)
        self.up = nn.Linear(1, base.out_features, bias=False, device=base.weight.device)

    def forward(self, x, *rest):
        return self.base(x) + self.up(self.down(x))


def adapt(net):
    """Parameters of one rank on every attention's projections."""
    total = 0
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    for name, module in list(net.named_modules()):
        if isinstance(module, nn.Linear) and any(name.endswith("." + t) for t in ATTENTION):
            parent = net.get_submodule(name.rsplit(".", 1)[0])
            setattr(parent, name.rsplit(".", 1)[1], Adapter(module))
            total += module.in_features + module.out_features
    return total


class Recompute:
    """Stands for checkpointing: a block's inputs stay, what it would keep is noted."""

    def __init__(self, meter):
        self.meter, self.held, self.block = meter, [], 0

    def __call__(self, function, *given, **named):
        before = self.meter.now
        probe = function(*given, **named)
        self.block = max(self.block, self.meter.now - before)
        del probe
        with torch.no_grad():
            out = function(*given, **named)
        self.held.append(given)
        for t in tree_leaves(out):
            if isinstance(t, torch.Tensor) and t.is_floating_point():
                t.requires_grad_(True)
        return out


def measure(net, given, amp, checkpoint=False):
    meter = vision.Meter()
    leaves = [t for t in tree_leaves(given) if isinstance(t, torch.Tensor)]
    for t in leaves:
        meter.ignore(t.untyped_storage())
    recompute = Recompute(meter)
    if checkpoint:
        net.enable_gradient_checkpointing()
        for module in net.modules():
            if hasattr(module, "_gradient_checkpointing_func"):
                module._gradient_checkpointing_func = recompute
    with meter, torch.autocast("cuda", torch.float16, enabled=amp):
        result = net(*given) if isinstance(given, tuple) else net(**given)
        torch.clear_autocast_cache()
    assert result is not None
    return [meter.now / batch(), meter.conv / batch(), meter.products, recompute.block / batch()]


def count(case):
    row = {"library": case.package, "name": case.name, "family": case.family, "image": case.image,
           "frames": case.frames, "seconds": case.seconds, "aliases": case.aliases, **case.extra}
    with FakeTensorMode(allow_non_fake_inputs=True):
        net = vision.on_cuda(case.make)
        row["parameters"] = sum(p.numel() for p in net.parameters())
        row["batch_norm"] = any("BatchNorm" in type(m).__name__ for m in net.modules())

        def feed(side=case.image, frames=case.frames, seconds=case.seconds):
            return case.feed(side, frames, seconds)
        row["fp32"] = measure(net, feed(), False)
        row["amp"] = measure(net, feed(), True)
        if row["fp32"][2]:
            try:
                if case.seconds:
                    row["other"] = [2, measure(net, feed(seconds=2 * case.seconds), False)[0]]
                elif case.image:
                    row["other"] = [4, measure(net, feed(side=2 * case.image), False)[0]]
            except Exception as e:
                row["no_other"] = str(e)[:120]
        if case.extra.get("adapt"):
            plain = vision.on_cuda(case.make)  # checkpointing is not undone
            row["checkpoint"] = [measure(plain, feed(), amp, True)[0::3] for amp in (False, True)]
            row["rank"] = adapt(net)
            row["lora"] = [measure(net, feed(), amp)[0] for amp in (False, True)]
    return row


def pretend():
    """Fake CUDA; what a network asks of values (is any infinite?) is answered with no and 0."""
    linspace = torch.linspace
    vision.pretend_cuda()
    torch.linspace = linspace
    ask, item = torch.Tensor.__bool__, torch.Tensor.item
    torch.Tensor.__bool__ = lambda t: False if t.is_cuda else ask(t)
    torch.Tensor.item = lambda t: 0 if t.is_cuda else item(t)
    torch.cuda.current_device = lambda: 0


def command_count(arguments):
    pretend()
    done = set()
    try:
        done = {json.loads(line)["name"] for line in open(arguments.out)}
    except FileNotFoundError:
        pass

    def late(*_):
        raise TimeoutError("took too long")
    signal.signal(signal.SIGALRM, late)
    with open(arguments.out, "a") as out:
        for case in cases():
            if case.name in done or arguments.only and not re.search(arguments.only, case.name):
                continue
            start = time.time()
            signal.alarm(vision.SECONDS)
            try:
                row = count(case)
            except Exception as e:
                row = {"library": case.package, "name": case.name, "error": f"{type(e).__name__}: {e}"[:300]}
            signal.alarm(0)
            row["took"] = round(time.time() - start, 1)
            out.write(json.dumps(row) + "\n")
            out.flush()
            gc.collect()


# --- rows -----------------------------------------------------------------------------


def squared_share(row):
    if not row.get("other"):
        return 0
    k, there = row["other"]
    share = (there / row["fp32"][0] - k) / (k * k - k)
    return round(min(share, 1), 3) if share >= 0.005 else 0


def kib(*values):
    return "[" + ", ".join(str(round(v / 1024)) for v in values) + "]"


def one_line(row):
    also = f", aliases: [{', '.join(row['aliases'])}]" if row["aliases"] else ""
    text = f"  - {{name: {row['name']}{also}, family: {row['family']}, parameters: {row['parameters']}"
    for key in ("image", "frames", "seconds"):
        text += f", {key}: {row[key]}" if row[key] else ""
    text += f", saved_kib: {kib(row['fp32'][0], row['amp'][0])}"
    text += f", conv_kib: {round(row['fp32'][1] / 1024)}" if row["fp32"][1] else ""
    share = squared_share(row)
    text += f", squared: {share}" if share else ""
    if row.get("frozen_parameters"):
        text += f", frozen_parameters: {row['frozen_parameters']}"
    if row.get("rank"):
        (kept, block), (kept_amp, block_amp) = row["checkpoint"]
        text += f", rank_parameters: {row['rank']}, saved_lora_kib: {kib(*row['lora'])}"
        text += f", checkpoint_kib: {kib(kept, kept_amp)}, block_kib: {kib(block, block_amp)}"
    return text + (", batch_norm: true" if row["batch_norm"] else "") + "}"


def version(name):
    from importlib.metadata import version
    return f"{name} {version(name).split('+')[0]}"


def command_write(arguments):
    rows = [json.loads(line) for line in open(arguments.out)]
    libraries = ("torch", "torchvision", "transformers", "diffusers", "ultralytics", "segmentation_models_pytorch",
                 "monai")
    print("# Made by tests/catalog/families.py from " + ", ".join(map(version, libraries)) + """. Not to be edited.
# What training keeps of one sample: `image` pixels a side, `frames`, `seconds` of sound. Fields: docs/FORMATS.md.
source: counted by tests/catalog/families.py
models:""")
    for row in sorted((r for r in rows if "error" not in r), key=lambda r: r["name"]):
        print(one_line(row))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["count", "write"])
    parser.add_argument("out")
    parser.add_argument("--only")
    arguments = parser.parse_args()
    (command_count if arguments.command == "count" else command_write)(arguments)


if __name__ == "__main__":
    sys.exit(main())
