/* Named colours of the theme: GTK moved the way to ask for them more than once. */
#pragma once

#include <stdbool.h>

#include <gtk/gtk.h>

/* A colour that the style sheet defines, such as "accent_bg_color"; false (color untouched) where it has none. */
bool cs_compat_lookup_color (GtkWidget *widget, const char *name, GdkRGBA *color);
/* The widget's text colour. */
void cs_compat_text_color (GtkWidget *widget, GdkRGBA *color);
