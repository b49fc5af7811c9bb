#!/usr/bin/env python3
"""Counts what backward keeps per token and layer of real transformer classes, exactly.

For the maintainer of lint/memory_transformer.c: prints a table of measured bytes that
fixtures/transformer/kept.tsv records and tests/unit/memory.c compares with the model.
No weights, no GPU: every tensor is fake, only shapes and dtypes are computed.

    python3 tests/catalog/transformer.py > fixtures/transformer/kept.tsv

A layer is the difference between two layers and one; the part that grows with the square
of the length is told apart by two lengths. Tensors that share a storage count once, and
parameters do not count.
"""
import sys
import warnings

import torch
import torch.nn.functional as F
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks

import transformers as tf

warnings.filterwarnings("ignore")
tf.logging.set_verbosity_error()
DEVICE = "cuda"


class Lora(nn.Module):
    """A target as PEFT wraps it: adapters in fp32, input cast to them, dropout."""

    def __init__(self, base, dropout, rank=8):
        super().__init__()
        out, inside = base.weight.shape
        if type(base).__name__ == "Conv1D":
            out, inside = inside, out
        self.base = base
        self.a = nn.Parameter(torch.empty(rank, inside, device=DEVICE))
        self.b = nn.Parameter(torch.empty(out, rank, device=DEVICE))
        self.dropout = dropout

    def forward(self, x):
        result = self.base(x)
        inner = x.to(self.a.dtype)
        if self.dropout > 0:
            inner = F.dropout(inner, self.dropout)
        return (result + F.linear(F.linear(inner, self.a), self.b) * 2.0).to(result.dtype)


class Matmul4Bit(torch.autograd.Function):
    """bitsandbytes: the weight is opened again in backward; OLD versions keep the input."""

    old = False

    @staticmethod
    def forward(ctx, x, weight):
        if Matmul4Bit.old:
            ctx.save_for_backward(x)
        ctx.shape = weight.shape
        ctx.dtype = x.dtype
        return F.linear(x, weight.to(x.dtype))

    @staticmethod
    def backward(ctx, grad):
        return grad, None


class Linear4Bit(nn.Module):
    def __init__(self, base, compute):
        super().__init__()
        self.weight = base.weight
        self.bias = base.bias
        self.compute = compute

    def forward(self, x):
        with Autocast(False):
            out = Matmul4Bit.apply(x.to(self.compute), self.weight)
        if self.bias is not None:
            out = out + self.bias.to(out.dtype)
        return out.to(x.dtype)


class FusedAttention(torch.autograd.Function):
    """What flash and memory-efficient kernels keep: q, k, v, the result, log-sums."""

    @staticmethod
    def forward(ctx, q, k, v):
        batch, heads, length, size = q.shape
        out = q.new_empty(batch, length, heads, v.shape[-1]).transpose(1, 2)
        sums = q.new_empty(batch, heads, length, dtype=torch.float32)
        ctx.save_for_backward(q, k, v, out, sums)
        return out

    @staticmethod
    def backward(ctx, grad):
        return grad, grad, grad


def fused_attention(q, k, v, *args, **named):
    if torch.is_autocast_enabled(DEVICE):
        half = torch.get_autocast_dtype(DEVICE)
        q, k, v = q.to(half), k.to(half), v.to(half)
    return FusedAttention.apply(q, k, v)


class Autocast:
    """torch.autocast refuses a device that is not there; its switches do not."""

    def __init__(self, on):
        self.on = on

    def __enter__(self):
        self.before = torch.is_autocast_enabled(DEVICE)
        torch.set_autocast_dtype(DEVICE, torch.bfloat16)
        torch.set_autocast_enabled(DEVICE, self.on)
        torch.set_autocast_cache_enabled(True)
        torch.autocast_increment_nesting()

    def __exit__(self, *args):
        if torch.autocast_decrement_nesting() == 0:
            torch.clear_autocast_cache()
        torch.set_autocast_enabled(DEVICE, self.before)


def replace(model, wanted, make):
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Linear) and wanted(name):
                setattr(module, name, make(child))


TARGETS = {"q_proj", "v_proj", "c_attn", "query", "value", "q", "v", "qkv_proj"}
MODES = ("fp32", "bf16", "amp", "lora-bf16", "lora-amp", "qlora", "qlora-half")
HEADS = {"lm_head", "score", "classifier", "embed_out"}


def shapes():
    small = dict(vocab_size=1024)
    yield "llama-2-7b", lambda n: tf.LlamaForCausalLM(tf.LlamaConfig(
        num_hidden_layers=n, hidden_size=4096, intermediate_size=11008,
        num_attention_heads=32, **small))
    yield "llama-3-8b", lambda n: tf.LlamaForCausalLM(tf.LlamaConfig(
        num_hidden_layers=n, hidden_size=4096, intermediate_size=14336,
        num_attention_heads=32, num_key_value_heads=8, **small))
    yield "mistral-7b", lambda n: tf.MistralForCausalLM(tf.MistralConfig(
        num_hidden_layers=n, hidden_size=4096, intermediate_size=14336,
        num_attention_heads=32, num_key_value_heads=8, sliding_window=None, **small))
    yield "qwen2.5-1.5b", lambda n: tf.Qwen2ForCausalLM(tf.Qwen2Config(
        num_hidden_layers=n, hidden_size=1536, intermediate_size=8960,
        num_attention_heads=12, num_key_value_heads=2, **small))
    yield "qwen3-1.7b", lambda n: tf.Qwen3ForCausalLM(tf.Qwen3Config(
        num_hidden_layers=n, hidden_size=2048, intermediate_size=6144, head_dim=128,
        num_attention_heads=16, num_key_value_heads=8, **small))
    yield "mixtral-8x7b", lambda n: tf.MixtralForCausalLM(tf.MixtralConfig(
        num_hidden_layers=n, hidden_size=4096, intermediate_size=14336,
        num_attention_heads=32, num_key_value_heads=8, num_local_experts=8,
        num_experts_per_tok=2, sliding_window=None,
        experts_implementation="grouped_mm", **small))
    yield "gemma-2b", lambda n: tf.GemmaForCausalLM(tf.GemmaConfig(
        num_hidden_layers=n, hidden_size=2048, intermediate_size=16384, head_dim=256,
        num_attention_heads=8, num_key_value_heads=1, pad_token_id=0, **small))
    yield "phi-1.5", lambda n: tf.PhiForCausalLM(tf.PhiConfig(
        num_hidden_layers=n, hidden_size=2048, intermediate_size=8192,
        num_attention_heads=32, resid_pdrop=0.0, **small))
    yield "phi-3-mini", lambda n: tf.Phi3ForCausalLM(tf.Phi3Config(
        num_hidden_layers=n, hidden_size=3072, intermediate_size=8192,
        num_attention_heads=32, num_key_value_heads=32, pad_token_id=0, **small))
    yield "gpt2", lambda n: tf.GPT2LMHeadModel(tf.GPT2Config(
        n_layer=n, n_embd=768, n_head=12, **small))
    yield "bert-base", lambda n: tf.BertForSequenceClassification(tf.BertConfig(
        num_hidden_layers=n, **small))


def pairs():
    """Encoder-decoders: layers of the encoder, layers of the decoder."""
    small = dict(vocab_size=1024)
    yield "t5-base", lambda e, d: tf.T5ForConditionalGeneration(tf.T5Config(
        num_layers=e, num_decoder_layers=d, d_model=768, d_ff=3072, d_kv=64, num_heads=12,
        **small))
    yield "flan-t5-base", lambda e, d: tf.T5ForConditionalGeneration(tf.T5Config(
        num_layers=e, num_decoder_layers=d, d_model=768, d_ff=2048, d_kv=64, num_heads=12,
        feed_forward_proj="gated-gelu", **small))
    yield "bart-base", lambda e, d: tf.BartForConditionalGeneration(tf.BartConfig(
        encoder_layers=e, decoder_layers=d, d_model=768, encoder_ffn_dim=3072,
        decoder_ffn_dim=3072, encoder_attention_heads=12, decoder_attention_heads=12,
        **small))
    yield "whisper-small", lambda e, d: tf.WhisperForConditionalGeneration(tf.WhisperConfig(
        encoder_layers=e, decoder_layers=d, d_model=768, encoder_ffn_dim=3072,
        decoder_ffn_dim=3072, encoder_attention_heads=12, decoder_attention_heads=12,
        vocab_size=51865))


def make_model(build, layers, mode, attention, dropout):
    half = torch.bfloat16
    whole_half = mode in ("bf16", "lora-bf16", "lora-amp", "qlora-half")
    torch.set_default_dtype(half if whole_half else torch.float32)
    model = build(*layers) if isinstance(layers, tuple) else build(layers)
    torch.set_default_dtype(torch.float32)
    model.config._attn_implementation = attention
    model.set_attn_implementation(attention)
    model.train()
    adapters = mode.startswith(("lora", "qlora"))
    if adapters:
        model.requires_grad_(False)
    if mode.startswith("qlora"):
        replace(model, lambda name: name not in HEADS, lambda m: Linear4Bit(m, half))
    if adapters:
        wrap_targets(model, dropout)
        model.get_input_embeddings().register_forward_hook(
            lambda module, inputs, out: out.requires_grad_(True))
    return model


def wrap_targets(model, dropout):
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if name in TARGETS and not isinstance(module, Lora):
                if isinstance(child, (nn.Linear, Linear4Bit, tf.pytorch_utils.Conv1D)):
                    setattr(module, name, Lora(child, dropout))


def kept(build, layers, mode, attention, length, dropout, target=0):
    with FakeTensorMode(allow_non_fake_inputs=True), torch.device(DEVICE):
        model = make_model(build, layers, mode, attention, dropout)
        own = {p.untyped_storage()._cdata for p in model.parameters()}
        own |= {b.untyped_storage()._cdata for b in model.buffers()}
        ids = torch.zeros(1, length, dtype=torch.long, device=DEVICE)
        inputs = dict(input_ids=ids)
        if target and model.config.model_type == "whisper":
            dtype = model.model.encoder.conv1.weight.dtype
            inputs = dict(input_features=torch.empty(1, 80, 3000, dtype=dtype, device=DEVICE))
        if target:
            inputs["decoder_input_ids"] = ids.new_zeros(1, target)
        storages = {}

        def pack(t):
            s = t.untyped_storage()
            if s._cdata not in own and not is_cast_of_weight(t, model):
                storages[s._cdata] = (s, s.nbytes())
            return t

        amp = mode in ("amp", "lora-amp", "qlora", "qlora-half")
        with saved_tensors_hooks(pack, lambda t: t):
            with Autocast(amp):
                out = model(**inputs, **without_cache(model))
                result = out.logits.sum()
        total = sum(n for _, n in storages.values())
        del out, result
    return total


def is_cast_of_weight(t, model):
    """Autocast's half copies of matrices: counted elsewhere."""
    tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    shapes = {tuple(p.shape) for p in model.parameters() if p.dim() == 2 and id(p) not in tables}
    return t.dim() == 2 and (tuple(t.shape) in shapes or tuple(t.shape[::-1]) in shapes)


def without_cache(model):
    """Trainers that recompute turn the cache off; with it, packed keys are copied."""
    return {"use_cache": False} if hasattr(model.config, "use_cache") else {}


def per_layer(build, mode, attention, dropout):
    lengths = (192, 448)
    sums = [kept(build, 2, mode, attention, s, dropout) -
            kept(build, 1, mode, attention, s, dropout) for s in lengths]
    a, b = lengths
    square = (sums[1] / b - sums[0] / a) / (b - a)
    return sums[0] / a - square * a, square


def pair_lines(build, mode, attention):
    """An encoder layer per source token, a decoder layer per target token, and what a
    decoder layer keeps per source token; the parts that grow with squares are left in, at
    1500 and 1500 (Whisper's window) and 100 tokens, and with none of the other side."""
    def of(layers, target):
        return kept(build, layers, mode, attention, 1500, 0.0, target)
    encoder = (of((2, 1), 100) - of((1, 1), 100)) / 1500
    short, long = of((1, 2), 100) - of((1, 1), 100), of((1, 2), 300) - of((1, 1), 300)
    target = (long - short) / 200
    return encoder, target, (short - 100 * target) / 1500


def print_pairs(only):
    for name, build in pairs():
        if only and name not in only:
            continue
        for mode in ("fp32", "bf16", "amp"):
            encoder, decoder, source = pair_lines(build, mode, "sdpa")
            for part, line in (("encoder", encoder), ("decoder", decoder), ("source", source)):
                print("%s/%s\t%s\tsdpa\t0\t%.0f\t0" % (name, part, mode, line), flush=True)


def main():
    F.scaled_dot_product_attention = fused_attention
    torch.nn.functional.scaled_dot_product_attention = fused_attention
    tf.integrations.moe._can_use_grouped_mm = lambda *args: True
    print("# torch %s, transformers %s" % (torch.__version__.split("+")[0], tf.__version__))
    print("model\tmode\tattention\tlora_dropout\tbytes\tbytes_squared")
    only = [a for a in sys.argv[1:] if not a.startswith("-")]
    for name, build in shapes():
        if only and name not in only:
            continue
        modes = MODES if name not in ("gpt2", "bert-base") else MODES[:5]
        for mode in modes:
            for attention in ("sdpa", "eager"):
                for dropout in ((0.0, 0.05) if "lora" in mode else (0.0,)):
                    line, square = per_layer(build, mode, attention, dropout)
                    print("%s\t%s\t%s\t%g\t%.0f\t%.0f" % (
                        name, mode, attention, dropout, line, abs(square)), flush=True)
    print_pairs(only)


if __name__ == "__main__":
    main()
