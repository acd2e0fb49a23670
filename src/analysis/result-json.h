/* What the JSON files of results (causality.json, baselines.json …) are written and read with. Each
 * has a format version, numbers that may be null, names and lists of objects; an error names the
 * file and says that it is to be made again. */
#pragma once

#include <jansson.h>

#include "json.h"

/* New references, never NULL. */
json_t *cs_result_real (double value);     /* NaN and infinities become null */
json_t *cs_result_text (const char *text); /* bytes that are not UTF-8 become U+FFFD; NULL is "" */
json_t *cs_result_size (size_t value);
json_t *cs_result_names (char *const *names); /* NULL-terminated; NULL is none */

/* The file's object (a new reference); NULL with error where it is none or of another version. */
json_t *cs_result_open (const char *path, size_t version, GError **error);

/* What is missing or null is NaN, 0 or "". name: the file, for errors. */
bool
cs_result_get_real (json_t *object, const char *name, const char *key, double *out, GError **error);
bool
cs_result_get_size (json_t *object, const char *name, const char *key, size_t *out, GError **error);
/* *out is the caller's. */
bool
cs_result_get_text (json_t *object, const char *name, const char *key, char **out, GError **error);
/* Has to be there. NULL-terminated; the caller's, also where it failed. */
bool cs_result_get_names (json_t *object,
                          const char *name,
                          const char *key,
                          char ***out,
                          GError **error);

typedef bool (*CsResultReadItem) (json_t *object, const char *name, void *item, GError **error);

/* A list of objects, which has to be there: *items is the caller's array of *n items of item_size
 * bytes, zeros before they are read; also where reading failed, *n then being what was begun. */
bool cs_result_get_list (json_t *object,
                         const char *name,
                         const char *key,
                         CsResultReadItem read,
                         size_t item_size,
                         void **items,
                         size_t *n,
                         GError **error);

/* False with error. */
bool cs_result_refuse (const char *name, const char *what, GError **error);
