#!/usr/bin/env python3
"""What PyTorch's caching allocator reserves when samples differ in length.

For the maintainer of lint/memory.c: the shares of SLACK_* come from here. The allocator's
own rules (c10/cuda/CUDACachingAllocator.cpp, PyTorch 2.x: 512-byte rounding, pools,
20 MiB and 2 MiB segments, best fit, splitting, merging, release of whole segments when
the card is full) run over the tensors of a decoder's training steps, one sample after the
other. No GPU, no measured run is used; lengths are drawn with a fixed seed.

    python3 tests/catalog/allocator.py
"""
import bisect
import random
import statistics

MIB = 1 << 20
SMALL, SMALL_SEGMENT, LARGE_SEGMENT, MIN_LARGE, ROUND_LARGE = MIB, 2 * MIB, 20 * MIB, 10 * MIB, 2 * MIB


class Block:
    __slots__ = ("size", "address", "before", "after", "free", "small")

    def __init__(self, size, address, small):
        self.size, self.address, self.small = size, address, small
        self.before = self.after = None
        self.free = False


class Allocator:
    """One stream. `card` bytes are all there are; allocate() raises MemoryError."""

    def __init__(self, card, expandable=False):
        self.card, self.expandable = card, expandable
        self.pools = {True: [], False: []}
        self.reserved = self.allocated = self.peak = self.peak_reserved = 0
        self.next = 0
        self.grown = {True: None, False: None}

    def insert(self, b):
        b.free = True
        bisect.insort(self.pools[b.small], (b.size, b.address, b))

    def remove(self, b):
        pool = self.pools[b.small]
        del pool[bisect.bisect_left(pool, (b.size, b.address))]
        b.free = False

    def find(self, size, small):
        pool = self.pools[small]
        at = bisect.bisect_left(pool, (size, -1))
        return pool[at][2] if at < len(pool) else None

    def release(self):
        for small, pool in self.pools.items():
            for entry in [e for e in pool if e[2].before is None and e[2].after is None]:
                pool.remove(entry)
                self.reserved -= entry[0]

    def segment(self, size, small):
        if small:
            want = SMALL_SEGMENT
        elif size < MIN_LARGE:
            want = LARGE_SEGMENT
        else:
            want = -(-size // ROUND_LARGE) * ROUND_LARGE
        if self.reserved + want > self.card:
            self.release()
        if self.reserved + want > self.card:
            raise MemoryError
        self.reserved += want
        self.peak_reserved = max(self.peak_reserved, self.reserved)
        b = Block(want, self.next, small)
        self.next += want
        return b

    def grow(self, size, small):
        """Expandable segments: one segment per pool that grows by pages at its end."""
        page = SMALL_SEGMENT if small else LARGE_SEGMENT
        last = self.grown[small]
        have = last.size if last and last.free else 0
        want = -(-(size - have) // page) * page
        if self.reserved + want > self.card:
            raise MemoryError
        self.reserved += want
        self.peak_reserved = max(self.peak_reserved, self.reserved)
        if last and last.free:
            self.remove(last)
            last.size += want
            return last
        b = Block(want, (1 << 60 if small else 0) + self.next, small)
        self.next += want
        if last:
            last.after, b.before = b, last
        self.grown[small] = b
        return b

    def allocate(self, size):
        size = max(512, -(-size // 512) * 512)
        small = size <= SMALL
        b = self.find(size, small)
        if b:
            self.remove(b)
        else:
            b = self.grow(size, small) if self.expandable else self.segment(size, small)
        rest = b.size - size
        if rest >= 512 if (small or self.expandable) else rest > MIB:
            r = Block(rest, b.address + size, small)
            r.before, r.after = b, b.after
            if b.after:
                b.after.before = r
            elif self.expandable:
                self.grown[small] = r
            b.after, b.size = r, size
            self.insert(r)
        self.allocated += b.size
        self.peak = max(self.peak, self.allocated)
        return b

    def free(self, b):
        self.allocated -= b.size
        for other in (b.before, b.after):
            if other and other.free:
                self.remove(other)
                first, second = (other, b) if other is b.before else (b, other)
                first.size += second.size
                first.after = second.after
                if second.after:
                    second.after.before = first
                elif self.grown[b.small] is second:
                    self.grown[b.small] = first
                b = first
        self.insert(b)


class Net:
    """A decoder as in docs/MEMORY.md: hidden, width, kv width, layers, words."""

    def __init__(self, h, f, kv, layers, vocab, parameters):
        self.h, self.f, self.kv, self.layers, self.vocab = h, f, kv, layers, vocab
        self.parameters = parameters


NETS = {
    "qwen-7b": Net(4096, 11008, 4096, 32, 151936, 7721324544),
    "llama-3-8b": Net(4096, 14336, 1024, 32, 128256, 8030261248),
    "llama-2-7b": Net(4096, 11008, 4096, 32, 32000, 6738415616),
    "qwen2.5-0.5b": Net(896, 4864, 128, 24, 151936, 494032768),
}


def layer_forward(a, net, t, keep):
    """Tensors of one layer for T tokens; what KEEP asks for stays, in order of birth."""
    h, f, kv = net.h, net.f, net.kv
    kept, out = [], []
    for size, lives in ((4 * h, 1), (2 * h, 0), (2 * h, 1), (2 * kv, 1), (2 * kv, 1), (2 * h, 0),
                        (2 * h, 1), (2 * h, 0), (4 * h, 1), (2 * h, 0), (2 * f, 1), (2 * f, 1),
                        (2 * f, 1), (2 * f, 0), (2 * h, 0)):
        b = a.allocate(size * t)
        (kept if lives and keep else out).append(b)
        if len(out) > 2:
            a.free(out.pop(0))
    x = a.allocate(2 * h * t)
    for b in out:
        a.free(b)
    return x, kept


def layer_backward(a, net, t, kept):
    out = []
    for b in reversed(kept):
        g = a.allocate(b.size)
        out.append(g)
        a.free(b)
        if len(out) > 2:
            a.free(out.pop(0))
    for b in out:
        a.free(b)


def step(a, net, t, checkpoint, logits=(2, 4, 4)):
    """One sample (or padded batch) of T tokens, forward and backward."""
    boundaries, saved = [a.allocate(2 * net.h * t)], []
    for _ in range(net.layers):
        x, kept = layer_forward(a, net, t, not checkpoint)
        boundaries.append(x)
        saved.append(kept)
    words = [a.allocate(bytes_each * net.vocab * t) for bytes_each in logits]
    a.free(words.pop(1))
    for bytes_each in (4, 4):
        words.append(a.allocate(bytes_each * net.vocab * t))
    a.free(words.pop(1))
    a.free(words.pop(1))
    words.append(a.allocate(2 * net.vocab * t))
    for b in words:
        a.free(b)
    for i in reversed(range(net.layers)):
        if checkpoint:
            x, kept = layer_forward(a, net, t, True)
            a.free(x)
            saved[i] = kept
        layer_backward(a, net, t, saved[i])
        a.free(boundaries.pop())
    a.free(boundaries.pop())


def lengths(kind, cap, batch, steps):
    """Tokens of padded batches. Instruction data is skewed; documents fill the cap."""
    draw = random.Random(1)
    for _ in range(steps):
        longest = 0
        for _ in range(batch):
            if kind == "fixed":
                n = cap
            elif kind == "even":
                n = draw.uniform(0.05, 1) * cap
            elif kind == "skewed":
                n = draw.lognormvariate(-1.4, 0.7) * cap
            else:  # documents: about as long as the cap, longer ones cut
                n = draw.lognormvariate(0, 0.8) * cap
            longest = max(longest, min(cap, max(16, int(n))))
        yield batch * longest


def share(name, kind, cap, batch, checkpoint, card=1 << 50, expandable=False, steps=120):
    """Reserved beyond the tensors' peak, as a share of what passed."""
    net = NETS[name]
    a = Allocator(card, expandable)
    for _ in range(net.layers * 7):
        a.allocate(2 * net.parameters // (net.layers * 7))
    resident = a.allocated
    for t in lengths(kind, cap, batch, steps):
        step(a, net, t, checkpoint)
    return (a.peak_reserved - a.peak) / (a.peak - resident)


def main():
    print("%-13s %-9s %6s %s" % ("model", "lengths", "tokens", "share beyond the peak, by batch and checkpointing"))
    for kind in ("fixed", "skewed", "even", "documents"):
        everything = []
        for name in NETS:
            row = [share(name, kind, 2048, batch, checkpoint)
                   for batch in (1, 4) for checkpoint in (True, False)]
            everything += row
            print("%-13s %-9s %6d  %s" % (name, kind, 2048, "  ".join("%5.2f" % x for x in row)), flush=True)
        print("%-13s %-9s median %.2f, from %.2f to %.2f" % (
            "all", kind, statistics.median(everything), min(everything), max(everything)))
    for name in NETS:
        row = [share(name, "even", 2048, 1, c, expandable=True) for c in (True, False)]
        print("%-13s expandable      %s" % (name, "  ".join("%5.2f" % x for x in row)))


if __name__ == "__main__":
    main()
