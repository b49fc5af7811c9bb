/* A number of bytes with bounds, and sums of such. Knows nothing of what is counted.
 * Bytes are doubles: sums of estimates, exact to 2^53. */
#ifndef MEMORY_AMOUNT_H
#define MEMORY_AMOUNT_H

/* A figure with the bounds we would bet on. low <= mid <= high. */
struct amount {
    double low, mid, high;
};

static inline struct amount exactly(double x)
{
    return (struct amount){x, x, x};
}

static inline struct amount amount_add(struct amount a, struct amount b)
{
    return (struct amount){a.low + b.low, a.mid + b.mid, a.high + b.high};
}

static inline struct amount amount_times(struct amount a, double by)
{
    return (struct amount){a.low * by, a.mid * by, a.high * by};
}

/* Widens A by factors on its bounds. */
static inline struct amount amount_widen(struct amount a, double low, double high)
{
    return (struct amount){a.low * low, a.mid, a.high * high};
}

#endif
