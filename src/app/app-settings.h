#pragma once

#include <gio/gio.h>

/* The program's settings: a new reference, or NULL where the schema, or this key of it, is not
 * installed, as when the program is run from its build folder. */
GSettings *cs_app_settings_new (const char *key);
