/* Children in two equal columns where there is room for them, else below one another. Children of a row are equally high; the
 * last of an odd number spans both columns. */
#pragma once

#include <gtk/gtk.h>

#define CS_TYPE_STEERING_COLUMNS (cs_steering_columns_get_type ())
G_DECLARE_FINAL_TYPE (CsSteeringColumns, cs_steering_columns, CS, STEERING_COLUMNS, GtkWidget)
