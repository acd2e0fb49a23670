#pragma once

#include <stddef.h>

/* The layer that the run was trained on: its store's, where that is still there, else the one that
 * its configuration names, else CS_LAYER_MIDDLE, which is said on standard error. */
size_t cs_cli_layer_of_run (const char *run);
