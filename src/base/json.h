/* JSON files through jansson, with sizes and nesting bounded and every error naming the file and the key. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>
#include <jansson.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC (json_t, json_decref)

/* Both refuse more than max_bytes (0 = 256 MiB), bad UTF-8, duplicate keys at the top being last-wins, and text
 * after the value; `name` is what errors call the input. The value is owned by the caller. */
json_t *cs_json_load (const char *path, size_t max_bytes, GError **error);
json_t *cs_json_parse (const char *text, size_t size, const char *name, GError **error);
/* The same, and strings may hold U+0000: read them with json_string_length(). */
json_t *cs_json_parse_nul (const char *text, size_t size, const char *name, GError **error);

/* Writes indented JSON (keys in insertion order) with cs_file_replace_contents(). */
bool cs_json_save (json_t *value, const char *path, GError **error);

/* Typed look-ups in an object. A missing key or a null gives `fallback`; a value of another type or outside
 * [min, max] is an error that names `name` and the key. They return true and fill *out, or set error. */
bool cs_json_get_size (json_t *object, const char *name, const char *key, size_t min, size_t max,
                       size_t fallback, size_t *out, GError **error);
bool cs_json_get_double (json_t *object, const char *name, const char *key, double fallback, double *out,
                         GError **error);
bool cs_json_get_bool (json_t *object, const char *name, const char *key, bool fallback, bool *out,
                       GError **error);
/* *out is borrowed from object, or fallback. */
bool cs_json_get_string (json_t *object, const char *name, const char *key, const char *fallback,
                         const char **out, GError **error);
