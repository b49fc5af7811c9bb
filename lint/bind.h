/* Settings to facts: recognises the framework of a document and gathers its facts
 * into runs, by the tables in the pack alone. */
#ifndef BIND_H
#define BIND_H

#include "run.h"

/* The framework of DOC, or NULL when it is no trainer config. FORCED (an id, or "")
 * overrides recognition. */
const struct framework *bind_recognise(const struct pack *pack, struct document *doc);

/* Recognises, applies the framework's loader to the tree (LOADER overrides it when
 * not NULL), and appends the runs found to OUT; none for a file that is no trainer
 * config. A broken document gives what could be read. */
void bind_document(struct arena *a, const struct pack *pack, struct document *doc,
                   const enum loader *loader, struct runs *out);

/* The same, each run with the facts JOINED (may be NULL) of files that the run's settings
 * name: they decide where nothing else is known, or where all that is known is the name. */
void bind_joined(struct arena *a, const struct pack *pack, struct document *doc,
                 const enum loader *loader, const struct facts *joined, struct runs *out);
/* The run of COMMAND, a program that the script DOC starts, as its own words tell it. */
void bind_command(struct arena *a, const struct pack *pack, struct document *doc,
                  const struct setting *command, const struct facts *joined,
                  struct runs *out);
/* Appends what the table of F says of the settings of DOC below MAP, which have values. */
void bind_facts(struct arena *a, const struct pack *pack, const struct framework *f,
                struct document *doc, const struct setting *map, struct facts *out);

/* The loader that bind_document used or would use for DOC. */
enum loader bind_loader(const struct pack *pack, struct document *doc,
                        const enum loader *override);

/* What the fixer must write into the setting of FACT so that the fact becomes WANTED:
 * the binding read backwards. False when it cannot be said. */
bool bind_written(const struct fact *fact, struct value wanted, struct value *out);

/* Where a fact that the run lacks can be added: the map, the sibling to stand after
 * (NULL: at the end), the key and how it is bound. The key may be there already with
 * nothing or null behind it. CERTAIN is false when nothing shows that the program reads
 * such a key. */
struct insertion {
    const struct setting *map, *after;
    struct str key;
    const struct binding *binding;
    bool certain;
};
bool bind_insertion(const struct pack *pack, const struct run *run, enum fact_id fact,
                    struct insertion *out);

/* Keys of DOC that look like trainer settings and gave no fact. */
void bind_unknown(struct arena *a, const struct pack *pack, struct document *doc,
                  const struct runs *runs, struct settings *out);

#endif
