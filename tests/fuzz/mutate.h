/* Files made malformed in many ways, always the same ones for the same random numbers. */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "random.h"

/* One change of the bytes: bits, cuts, repetitions, numbers at the edges of their types. */
void fuzz_change (CsRandom *r, GByteArray *input);
/* One change of a value somewhere in a JSON document, which stays well-formed: another type, a number at an edge, a
 * member gone, renamed or twice as long. Returns the changed document, which replaces root. */
json_t *fuzz_change_json (CsRandom *r, json_t *root);

/* The content of all files of the folder (GByteArray), in the order of their names, after an empty one. */
GPtrArray *fuzz_load_seeds (const char *folder);
