/* One number is missing, and the answer is a table over it. States sharded over devices
 * that nobody counted: what each would hold, and a verdict only where all agree. Sequences
 * of no known length: what the run would need at the usual ones. */
#include "memory_term.h"

#include "vec.h"
#include "banned.h"

static bool is_sharded(const struct run *run)
{
    return memory_deepspeed(run) || run_is(run, FACT_strategy, "fsdp");
}

/* The bill of RUN were FACT to have VALUE. */
static bool bill_with(struct arena *a, const struct pack *pack, const struct run *run,
                      const struct target *target, double batch, struct wish wish,
                      struct bill *out)
{
    struct assumptions unread = {.len = 0};
    struct notes notes = {a, &unread};
    struct wishes wishes = {.len = 0};
    struct plan plan;
    vec_push(a, &wishes, wish);
    struct run changed = run_wished(a, run, &wishes);
    if (!memory_plan(&notes, pack, &changed, target, &plan)) {
        return false;
    }
    memory_bill(&plan, batch, out);
    return true;
}

static bool of_devices(struct arena *a, const struct pack *pack, const struct run *run,
                       const struct target *target, double batch,
                       struct device_estimate *out)
{
    struct bill bill;
    struct wish wish = {.fact = FACT_num_devices,
                        .value = VALUE_OF_INT((int64_t)out->devices)};
    if (!bill_with(a, pack, run, target, batch, wish, &bill)) {
        return false;
    }
    out->total = memory_bytes(bill.total.mid);
    out->low = memory_bytes(bill.total.low);
    out->high = memory_bytes(bill.total.high);
    out->verdict = memory_verdict(out->low, out->high, target ? target->usable_bytes : 0);
    return true;
}

void memory_over_lengths(struct arena *a, const struct pack *pack, const struct run *run,
                         const struct target *target, double batch, struct estimate *e)
{
    double length;
    if (batch < 1 || run_number(run, FACT_max_seq_len, &length)) {
        return;
    }
    for (int i = 0; i < MEMORY_LENGTHS; i++) {
        struct bill bill;
        struct wish wish = {.fact = FACT_max_seq_len,
                            .value = VALUE_OF_INT((int64_t)MEMORY_FIRST_LENGTH << i)};
        if (!bill_with(a, pack, run, target, batch, wish, &bill)) {
            return;
        }
        e->by_length[i] = memory_bytes(bill.total.mid);
    }
    e->length_open = true;
}

void memory_over_devices(struct arena *a, const struct pack *pack, const struct run *run,
                         const struct target *target, double batch, struct estimate *e)
{
    double devices;
    if (!is_sharded(run) || run_number(run, FACT_num_devices, &devices)) {
        return;
    }
    for (size_t i = 0; i < MEMORY_DEVICE_COUNTS; i++) {
        e->by_devices[i].devices = (uint64_t)1 << i;
        if (!of_devices(a, pack, run, target, batch, &e->by_devices[i])) {
            return;
        }
    }
    e->devices_open = true;
    if (e->by_devices[0].verdict != e->by_devices[MEMORY_DEVICE_COUNTS - 1].verdict) {
        e->verdict = VERDICT_UNKNOWN;
    }
}
