/* States sharded over devices that nobody counted: what each would hold depends on how
 * many there are, so the answer is a table, and a verdict only where all agree. */
#include "memory_term.h"

#include "vec.h"
#include "banned.h"

static bool is_sharded(const struct run *run)
{
    return memory_deepspeed(run) || run_is(run, FACT_strategy, "fsdp");
}

static bool of_devices(struct arena *a, const struct pack *pack, const struct run *run,
                       const struct target *target, double batch,
                       struct device_estimate *out)
{
    struct assumptions unread = {.len = 0};
    struct notes notes = {a, &unread};
    struct wishes wishes = {.len = 0};
    struct plan plan;
    struct bill bill;
    vec_push(a, &wishes, ((struct wish){.fact = FACT_num_devices,
                                        .value = VALUE_OF_INT((int64_t)out->devices)}));
    struct run counted = run_wished(a, run, &wishes);
    if (!memory_plan(&notes, pack, &counted, target, &plan)) {
        return false;
    }
    memory_bill(&plan, batch, &bill);
    out->total = memory_bytes(bill.total.mid);
    out->low = memory_bytes(bill.total.low);
    out->high = memory_bytes(bill.total.high);
    out->verdict = memory_verdict(out->low, out->high, target ? target->usable_bytes : 0);
    return true;
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
