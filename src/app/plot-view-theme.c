#include "plot-view-theme.h"

#include <adwaita.h>

/* A card on a dark window: 8 % white over #242424. What a plot knocks out (hatches, hollow marks)
 * has to look like it. */
#define DARK_CARD (0x36 / 255.0)

static double
font_pixels (PangoContext *context, const PangoFontDescription *font)
{
  double size = pango_font_description_get_size (font) / (double)PANGO_SCALE;
  double resolution = pango_cairo_context_get_resolution (context);

  if (pango_font_description_get_size_is_absolute (font))
    return size;
  return size * (resolution > 0 ? resolution : 96) / 72;
}

CsPlotTheme
cs_plot_view_theme (GtkWidget *widget)
{
  AdwStyleManager *manager = adw_style_manager_get_default ();
  bool dark = adw_style_manager_get_dark (manager);
  CsPlotTheme theme = dark ? *cs_plot_theme_dark () : *cs_plot_theme_light ();
  PangoContext *context = gtk_widget_get_pango_context (widget);
  const PangoFontDescription *font = pango_context_get_font_description (context);

  if (dark)
    theme.background = (CsPlotColor){ DARK_CARD, DARK_CARD, DARK_CARD, 1 };
  theme.background.alpha = 0;
  if (adw_style_manager_get_high_contrast (manager))
    {
      theme.muted = theme.foreground;
      theme.grid.alpha *= 3;
    }
  if (font != NULL && pango_font_description_get_family (font) != NULL)
    {
      theme.font = g_intern_string (pango_font_description_get_family (font));
      theme.font_size = CLAMP (font_pixels (context, font), 8, 40);
    }
  return theme;
}
