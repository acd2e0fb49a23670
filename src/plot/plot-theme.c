#include "plot-theme.h"

#include <math.h>

#include <glib/gi18n.h>

#define RGB(hex)                                                                                   \
  {                                                                                                \
    ((hex) >> 16 & 0xff) / 255.0, ((hex) >> 8 & 0xff) / 255.0, ((hex)&0xff) / 255.0, 1.0           \
  }
#define FONT "Cantarell, Adwaita Sans, Inter, Sans"
#define FONT_SIZE (11.0 * 96.0 / 72.0)

/* The hues of the figures in Minder et al. 2025 (limegreen, orange, light blue, navy), darkened for
 * a white ground and lightened for a dark one until they stand out from it. */
static const CsPlotTheme light_theme = {
  .background = RGB (0xffffff),
  .foreground = RGB (0x241f31),
  .muted = RGB (0x5e5c64),
  .grid = { 0, 0, 0, 0.09 },
  .accent = RGB (0x1c71d8),
  .classes = {
    [CS_PLOT_CLASS_BASE_ONLY] = RGB (0x23962b),
    [CS_PLOT_CLASS_SHARED] = RGB (0xe2690a),
    [CS_PLOT_CLASS_CHAT_ONLY] = RGB (0x1286e8),
    [CS_PLOT_CLASS_CHAT_SPECIFIC] = RGB (0x0b0b9c),
    [CS_PLOT_CLASS_OTHER] = RGB (0x87868c),
    [CS_PLOT_CLASS_PLAIN] = RGB (0x1c71d8),
  },
  .series = { RGB (0x1c71d8), RGB (0xd9541e), RGB (0x1f8f4d), RGB (0x9141ac),
              RGB (0x986a44), RGB (0xc01c6a), RGB (0x0b8793), RGB (0x5e5c64) },
  .font = FONT,
  .font_size = FONT_SIZE,
};

static const CsPlotTheme dark_theme = {
  .background = RGB (0x303030),
  .foreground = RGB (0xffffff),
  .muted = RGB (0xc0bfbc),
  .grid = { 1, 1, 1, 0.10 },
  .accent = RGB (0x78aeed),
  .classes = {
    [CS_PLOT_CLASS_BASE_ONLY] = RGB (0x4fd05a),
    [CS_PLOT_CLASS_SHARED] = RGB (0xff9840),
    [CS_PLOT_CLASS_CHAT_ONLY] = RGB (0x2f9df7),
    [CS_PLOT_CLASS_CHAT_SPECIFIC] = RGB (0xb7c0ff),
    [CS_PLOT_CLASS_OTHER] = RGB (0x9a999e),
    [CS_PLOT_CLASS_PLAIN] = RGB (0x78aeed),
  },
  .series = { RGB (0x78aeed), RGB (0xff9257), RGB (0x57e389), RGB (0xdc8add),
              RGB (0xcdab8f), RGB (0xff7ab0), RGB (0x4fd2e0), RGB (0xc0bfbc) },
  .font = FONT,
  .font_size = FONT_SIZE,
};

const CsPlotTheme *
cs_plot_theme_light (void)
{
  return &light_theme;
}

const CsPlotTheme *
cs_plot_theme_dark (void)
{
  return &dark_theme;
}

static double
linear_channel (double c)
{
  return c <= 0.04045 ? c / 12.92 : pow ((c + 0.055) / 1.055, 2.4);
}

static double
luminance (CsPlotColor c)
{
  return 0.2126 * linear_channel (c.red) + 0.7152 * linear_channel (c.green) +
         0.0722 * linear_channel (c.blue);
}

double
cs_plot_color_contrast (CsPlotColor a, CsPlotColor b)
{
  double one = luminance (a), two = luminance (b);

  return (MAX (one, two) + 0.05) / (MIN (one, two) + 0.05);
}

CsPlotColor
cs_plot_color_with_alpha (CsPlotColor color, double alpha)
{
  color.alpha *= alpha;
  return color;
}

const char *
cs_plot_class_name (CsPlotClass klass)
{
  switch (klass)
    {
    case CS_PLOT_CLASS_BASE_ONLY:
      return _ ("base-only");
    case CS_PLOT_CLASS_SHARED:
      return _ ("shared");
    case CS_PLOT_CLASS_CHAT_ONLY:
      return _ ("chat-only");
    case CS_PLOT_CLASS_CHAT_SPECIFIC:
      return _ ("chat-specific");
    case CS_PLOT_CLASS_OTHER:
      return _ ("other");
    case CS_PLOT_CLASS_PLAIN:
    default:
      return "";
    }
}
