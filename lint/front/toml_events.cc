// TOML through toml++, as calls. The library keeps the names of a table sorted; here they
// come in the order of the file.

// The parser asserts, and with NDEBUG assumes, that a key starts like one, and then tells a
// key that does not as an error: any bytes may come here, so it must get to that.
#undef NDEBUG
#define TOML_ASSERT(expr) static_cast<void>(0)
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <algorithm>
#include <string>
#include <vector>

#include "toml.h"

namespace {

struct entry {
    const toml::key *key;
    const toml::node *node;
};

toml_point point(const toml::source_position &p)
{
    return {static_cast<uint32_t>(p.line), static_cast<uint32_t>(p.column)};
}

toml_range range(const toml::source_region &r)
{
    return {point(r.begin), point(r.end)};
}

// Where what hangs on KEY begins: a table that is made by [a.b] or a.b = 1 at its name.
toml::source_position start(const entry &e)
{
    return e.key->source().begin;
}

std::vector<entry> ordered(const toml::table &table)
{
    std::vector<entry> all;
    for (auto &&[key, node] : table)
        all.push_back({&key, &node});
    std::stable_sort(all.begin(), all.end(), [](const entry &x, const entry &y) {
        return start(x) < start(y);
    });
    return all;
}

bool is_tables(const toml::array &array)
{
    const toml::table *first = array.empty() ? nullptr : array.front().as_table();
    return first && !first->is_inline();
}

toml_kind kind_of(const toml::node &node)
{
    switch (node.type()) {
    case toml::node_type::table:
        return node.as_table()->is_inline() ? TOML_INLINE : TOML_TABLE;
    case toml::node_type::array:
        return is_tables(*node.as_array()) ? TOML_TABLES : TOML_ARRAY;
    case toml::node_type::string:
        return TOML_STRING;
    case toml::node_type::integer:
        return TOML_INT;
    case toml::node_type::floating_point:
        return TOML_FLOAT;
    case toml::node_type::boolean:
        return TOML_BOOL;
    default:
        return TOML_DATE;
    }
}

void fill_value(toml_node &out, const toml::node &node)
{
    if (auto s = node.as_string()) {
        out.text = s->get().data();
        out.text_len = s->get().size();
    } else if (auto i = node.as_integer()) {
        out.integer = i->get();
    } else if (auto f = node.as_floating_point()) {
        out.real = f->get();
    } else if (auto b = node.as_boolean()) {
        out.boolean = b->get();
    }
}

void tell(const toml_listener &to, const toml::key *key, const toml::node &node)
{
    toml_node out{};
    out.kind = kind_of(node);
    out.range = range(node.source());
    if (key) {
        out.key = key->str().data();
        out.key_len = key->str().size();
        out.key_range = range(key->source());
    }
    auto table = node.as_table();
    auto array = node.as_array();
    if (!table && !array) {
        fill_value(out, node);
        to.scalar(to.context, &out);
        return;
    }
    to.open(to.context, &out);
    if (table)
        for (const entry &e : ordered(*table))
            tell(to, e.key, *e.node);
    if (array)
        for (const toml::node &item : *array)
            tell(to, nullptr, item);
    to.close(to.context, &out);
}

} // namespace

extern "C" void toml_events(const char *text, size_t len, const toml_listener *listener)
{
    toml::parse_result result = toml::parse(std::string_view(text, len));
    if (result) {
        tell(*listener, nullptr, result.table());
        return;
    }
    std::string_view what = result.error().description();
    listener->error(listener->context, what.data(), what.size(),
                    range(result.error().source()));
}

#define TEXT_OF(x) TEXT(x)
#define TEXT(x) #x

extern "C" const char *toml_library(void)
{
    return TEXT_OF(TOML_LIB_MAJOR) "." TEXT_OF(TOML_LIB_MINOR) "." TEXT_OF(TOML_LIB_PATCH);
}
