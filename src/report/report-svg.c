/* A plot as an SVG element within an HTML page: no prolog, no name spaces, and ids of its own, as
 * all figures of the page share one set of ids. */
#include "report-private.h"

#include <string.h>

#include <cairo-svg.h>

static cairo_status_t
append_cb (void *data, const unsigned char *bytes, unsigned int n)
{
  g_byte_array_append (data, bytes, n);
  return CAIRO_STATUS_SUCCESS;
}

static char *
draw (CsPlot *plot, double width, double height)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  cairo_surface_t *surface = cairo_svg_surface_create_for_stream (append_cb, bytes, width, height);
  cairo_t *cr;

  if (cairo_surface_status (surface) == CAIRO_STATUS_SUCCESS)
    cairo_svg_surface_set_document_unit (surface, CAIRO_SVG_UNIT_PX);
  cr = cairo_create (surface);
  cs_plot_draw (plot, cr, width, height);
  cairo_destroy (cr);
  cairo_surface_finish (surface);
  cairo_surface_destroy (surface);
  g_byte_array_append (bytes, (const guint8 *)"", 1);
  return (char *)g_byte_array_free (g_steal_pointer (&bytes), FALSE);
}

/* Where text at c begins one of the places that name an id, its length up to the id; else 0. */
static size_t
id_reference (const char *c)
{
  static const char *const places[] = { " id=\"", "xlink:href=\"#", "url(#" };

  for (size_t i = 0; i < G_N_ELEMENTS (places); i++)
    if (g_str_has_prefix (c, places[i]))
      return strlen (places[i]);
  return 0;
}

/* The name of an id in the page: the prefix and which one of this drawing it is. Cairo numbers
 * surfaces through the life of the program; this way the same plot gives the same bytes. */
static void
append_id (GString *out, GHashTable *seen, const char *name, size_t length, const char *prefix)
{
  g_autofree char *key = g_strndup (name, length);
  gpointer number;

  if (!g_hash_table_lookup_extended (seen, key, NULL, &number))
    {
      number = GUINT_TO_POINTER (g_hash_table_size (seen));
      g_hash_table_insert (seen, g_steal_pointer (&key), number);
    }
  g_string_append_printf (out, "%s%u", prefix, GPOINTER_TO_UINT (number));
}

/* Copies what follows the opening tag, ids with the prefix. */
static void
append_with_prefix (GString *out, const char *text, const char *prefix)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  while (*text != '\0')
    {
      size_t length = id_reference (text), name;

      if (length == 0)
        {
          g_string_append_c (out, *text++);
          continue;
        }
      g_string_append_len (out, text, (gssize)length);
      text += length;
      name = strcspn (text, "\")");
      append_id (out, seen, text, name, prefix);
      text += name;
    }
}

char *
cs_report_svg (CsPlot *plot, double width, double height, const char *prefix)
{
  g_autofree char *svg = draw (plot, width, height);
  const char *open = strstr (svg, "<svg"), *body = open != NULL ? strchr (open, '>') : NULL;
  GString *out = g_string_new (NULL);

  if (body != NULL)
    {
      g_string_append_printf (out, "<svg viewBox=\"0 0 %d %d\" aria-hidden=\"true\">", (int)width,
                              (int)height);
      append_with_prefix (out, body + 1, prefix);
    }
  return g_string_free (out, FALSE);
}
