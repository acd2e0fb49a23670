#pragma once

#include <stddef.h>

/* The layer that the run was trained on: its store's, where that is still there, else the one that
 * its configuration names, else CS_LAYER_MIDDLE, which is said on standard error. */
size_t cs_cli_layer_of_run (const char *run);
/* The tokens that the base model read as others when that store was harvested; NULL for none, or
 * where the store is gone. Free with g_free(). */
char *cs_cli_replacements_of_run (const char *run);
