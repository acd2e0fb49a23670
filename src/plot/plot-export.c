/* Writing a plot to a file: first whole under a temporary name in the same folder, then renamed. */
#include "plot-private.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>

#define LARGEST_SIDE 16000.0
#define PNG_SCALE 2.0

typedef enum
{
  FORMAT_NONE,
  FORMAT_PNG,
  FORMAT_SVG,
  FORMAT_PDF
} Format;

static Format
format_of (const char *path)
{
  const char *dot = strrchr (path, '.');

  if (dot == NULL)
    return FORMAT_NONE;
  if (g_ascii_strcasecmp (dot, ".png") == 0)
    return FORMAT_PNG;
  if (g_ascii_strcasecmp (dot, ".svg") == 0)
    return FORMAT_SVG;
  return g_ascii_strcasecmp (dot, ".pdf") == 0 ? FORMAT_PDF : FORMAT_NONE;
}

static cairo_surface_t *
make_surface (Format format, const char *name, double width, double height)
{
  cairo_surface_t *surface;

  switch (format)
    {
    case FORMAT_SVG:
      surface = cairo_svg_surface_create (name, width, height);
      if (cairo_surface_status (surface) == CAIRO_STATUS_SUCCESS)
        cairo_svg_surface_set_document_unit (surface, CAIRO_SVG_UNIT_PX);
      return surface;
    case FORMAT_PDF:
      return cairo_pdf_surface_create (name, width, height);
    case FORMAT_PNG:
    case FORMAT_NONE:
    default:
      surface = cairo_image_surface_create (CAIRO_FORMAT_ARGB32, (int)ceil (PNG_SCALE * width),
                                            (int)ceil (PNG_SCALE * height));
      cairo_surface_set_device_scale (surface, PNG_SCALE, PNG_SCALE);
      return surface;
    }
}

static cairo_status_t
draw_to_file (CsPlot *plot, Format format, const char *name, double width, double height)
{
  cairo_surface_t *surface = make_surface (format, name, width, height);
  cairo_t *cr = cairo_create (surface);
  cairo_status_t status;

  if (format == FORMAT_PDF)
    cairo_pdf_surface_set_metadata (surface, CAIRO_PDF_METADATA_TITLE, plot->title);
  cs_plot_draw (plot, cr, width, height);
  cairo_show_page (cr);
  status = cairo_status (cr);
  cairo_destroy (cr);
  if (status == CAIRO_STATUS_SUCCESS && format == FORMAT_PNG)
    status = cairo_surface_write_to_png (surface, name);
  cairo_surface_finish (surface);
  if (status == CAIRO_STATUS_SUCCESS)
    status = cairo_surface_status (surface);
  cairo_surface_destroy (surface);
  return status;
}

/* The content reaches the disk before the name does. */
static bool
replace (const char *temporary, const char *path)
{
  int fd = open (temporary, O_RDONLY | O_CLOEXEC);
  bool synced = fd >= 0 && fsync (fd) == 0;

  if (fd >= 0)
    close (fd);
  return synced && g_rename (temporary, path) == 0;
}

bool
cs_plot_save (CsPlot *plot, const char *path, double width, double height, GError **error)
{
  g_autofree char *shown = g_filename_display_name (path);
  g_autofree char *temporary = g_strdup_printf ("%s.%d.part", path, (int)getpid ());
  Format format = format_of (path);
  cairo_status_t status;

  if (format == FORMAT_NONE)
    {
      g_set_error (
          error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
          _ ("A plot cannot be saved as “%s”; use a name that ends in .png, .svg or .pdf."), shown);
      return false;
    }
  if (!(width >= 16 && width <= LARGEST_SIDE / PNG_SCALE && height >= 16 &&
        height <= LARGEST_SIDE / PNG_SCALE))
    {
      g_set_error (
          error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
          _ ("“%s” cannot be drawn at this size; use a width and height from 16 to %d pixels."),
          shown, (int)(LARGEST_SIDE / PNG_SCALE));
      return false;
    }
  status = draw_to_file (plot, format, temporary, width, height);
  if (status == CAIRO_STATUS_SUCCESS && replace (temporary, path))
    return true;
  g_set_error (
      error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
      _ ("“%s” could not be written (%s); choose another folder or free some space."), shown,
      status != CAIRO_STATUS_SUCCESS ? cairo_status_to_string (status) : g_strerror (errno));
  g_unlink (temporary);
  return false;
}
