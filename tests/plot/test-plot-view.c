/* The plot widget under a virtual display: what it draws, says, and does with pointer and keys. */
#include "figures.h"
#include "plot-view-private.h"

#include <math.h>
#include <string.h>

#include <adwaita.h>
#include <glib/gstdio.h>

#define WIDTH 700
#define HEIGHT 420
#define TOOLTIP_DELAY 500 /* ms, of GTK */

typedef struct
{
  GtkWidget *window;
  CsPlotView *view;
  double low, high;
  int n_brushes;
  guint64 activated;
} Fixture;

static void
brush_cb (Fixture *fixture, double low, double high)
{
  fixture->low = low;
  fixture->high = high;
  fixture->n_brushes++;
}

static void
activated_cb (Fixture *fixture, guint64 id)
{
  fixture->activated = id;
}

static void
settle (int milliseconds)
{
  gint64 end = g_get_monotonic_time () + milliseconds * 1000;

  while (g_get_monotonic_time () < end)
    if (!g_main_context_iteration (NULL, FALSE))
      g_usleep (1000);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  double counts[100] = { [10] = 20, [50] = 1000, [95] = 30 };
  gint64 end = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;

  fixture->view = CS_PLOT_VIEW (cs_plot_view_new (cs_figure_norm_ratio (counts, NULL, false)));
  fixture->window = adw_window_new ();
  adw_window_set_content (ADW_WINDOW (fixture->window), GTK_WIDGET (fixture->view));
  gtk_window_set_default_size (GTK_WINDOW (fixture->window), WIDTH, HEIGHT);
  g_signal_connect_swapped (fixture->view, "brush-changed", G_CALLBACK (brush_cb), fixture);
  g_signal_connect_swapped (fixture->view, "point-activated", G_CALLBACK (activated_cb), fixture);
  gtk_window_present (GTK_WINDOW (fixture->window));
  while (gtk_widget_get_width (GTK_WIDGET (fixture->view)) == 0 && g_get_monotonic_time () < end)
    g_main_context_iteration (NULL, FALSE);
  settle (100);
  g_assert_cmpint (gtk_widget_get_width (GTK_WIDGET (fixture->view)), >, 100);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  gpointer view = fixture->view;

  g_object_add_weak_pointer (G_OBJECT (fixture->view), &view);
  gtk_window_destroy (GTK_WINDOW (fixture->window));
  settle (50);
  g_assert_null (view);
}

static GtkEventController *
controller (Fixture *fixture, GType type, guint button)
{
  g_autoptr (GListModel) all = gtk_widget_observe_controllers (GTK_WIDGET (fixture->view));

  for (guint i = 0; i < g_list_model_get_n_items (all); i++)
    {
      g_autoptr (GtkEventController) one = g_list_model_get_item (all, i);

      if (G_TYPE_CHECK_INSTANCE_TYPE (one, type) &&
          (button == 0 || gtk_gesture_single_get_button (GTK_GESTURE_SINGLE (one)) == button))
        return one;
    }
  g_assert_not_reached ();
}

static GdkTexture *
picture (Fixture *fixture)
{
  GtkWidget *widget = GTK_WIDGET (fixture->view);
  int width = gtk_widget_get_width (widget), height = gtk_widget_get_height (widget);
  g_autoptr (GdkPaintable) paintable = gtk_widget_paintable_new (widget);
  gint64 end = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;
  GskRenderNode *node = NULL;
  GdkTexture *texture;

  while (node == NULL && g_get_monotonic_time () < end) /* empty before the first frame */
    {
      GtkSnapshot *snapshot = gtk_snapshot_new ();

      settle (80);
      gdk_paintable_snapshot (paintable, snapshot, width, height);
      node = gtk_snapshot_free_to_node (snapshot);
    }
  g_assert_nonnull (node);
  texture = gsk_renderer_render_texture (gtk_native_get_renderer (gtk_widget_get_native (widget)),
                                         node, &GRAPHENE_RECT_INIT (0, 0, width, height));
  gsk_render_node_unref (node);
  if (g_getenv ("CS_TEST_PICTURES") != NULL)
    {
      static int n;
      g_autofree char *path =
          g_strdup_printf ("%s/view-%d.png", g_getenv ("CS_TEST_PICTURES"), n++);

      gdk_texture_save_to_png (texture, path);
    }
  return texture;
}

/* How many pixels differ between two pictures of the same size. */
static int
difference (GdkTexture *a, GdkTexture *b)
{
  size_t width = (size_t)gdk_texture_get_width (a), height = (size_t)gdk_texture_get_height (a);
  g_autofree guint32 *one = g_new (guint32, width * height), *two = g_new (guint32, width * height);
  int n = 0;

  gdk_texture_download (a, (guchar *)one, width * 4);
  gdk_texture_download (b, (guchar *)two, width * 4);
  for (size_t i = 0; i < width * height; i++)
    n += one[i] != two[i];
  return n;
}

static void
frame_of (Fixture *fixture, double *x, double *y, double *width, double *height)
{
  cs_plot_get_frame (cs_plot_view_get_plot (fixture->view),
                     gtk_widget_get_width (GTK_WIDGET (fixture->view)),
                     gtk_widget_get_height (GTK_WIDGET (fixture->view)), x, y, width, height);
}

static bool
press_key (Fixture *fixture, guint key, GdkModifierType state)
{
  gboolean handled = FALSE;

  g_signal_emit_by_name (controller (fixture, GTK_TYPE_EVENT_CONTROLLER_KEY, 0), "key-pressed", key,
                         0, state, &handled);
  return handled;
}

static void
view_range (Fixture *fixture, double *low, double *high)
{
  cs_axis_get_view (cs_plot_x (cs_plot_view_get_plot (fixture->view)), low, high);
}

/* Until it says so, or long after it should have. */
static void
wait_for_description (Fixture *fixture, const char *text)
{
  gint64 end = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;
  bool differs;

  do
    {
      g_autofree char *other = gtk_test_accessible_check_property (
          GTK_ACCESSIBLE (fixture->view), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, text);

      differs = other != NULL;
      settle (50);
    }
  while (differs && g_get_monotonic_time () < end);
}

static void
test_accessible (Fixture *fixture, gconstpointer data)
{
  gtk_test_accessible_assert_role (fixture->view, GTK_ACCESSIBLE_ROLE_IMG);
  gtk_test_accessible_assert_property (fixture->view, GTK_ACCESSIBLE_PROPERTY_LABEL,
                                       cs_plot_get_title (cs_plot_view_get_plot (fixture->view)));
  g_autofree char *text = cs_plot_describe (cs_plot_view_get_plot (fixture->view));
  gtk_test_accessible_assert_property (fixture->view, GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, text);
  g_assert_nonnull (strstr (text, "1050 latents in 100 bins"));
  /* A change is told as well, a little later. */
  cs_plot_set_brush (cs_plot_view_get_plot (fixture->view), 0.25, 0.5);
  cs_plot_view_changed (fixture->view);
  g_autofree char *brushed = cs_plot_describe (cs_plot_view_get_plot (fixture->view));
  wait_for_description (fixture, brushed);
  gtk_test_accessible_assert_property (fixture->view, GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, brushed);
}

static void
test_hover (Fixture *fixture, gconstpointer data)
{
  GtkEventController *motion = controller (fixture, GTK_TYPE_EVENT_CONTROLLER_MOTION, 0);
  g_autoptr (GdkTexture) before = picture (fixture);
  double x, y, width, height;

  frame_of (fixture, &x, &y, &width, &height);
  g_signal_emit_by_name (motion, "motion", x + 0.505 * width, y + 0.8 * height);
  g_autoptr (GdkTexture) during = picture (fixture);
  g_assert_cmpint (difference (before, during), >, 500);
  g_signal_emit_by_name (motion, "leave");
  g_autoptr (GdkTexture) after = picture (fixture);
  g_assert_cmpint (difference (before, after), ==, 0);
}

static void
test_brush_by_drag (Fixture *fixture, gconstpointer data)
{
  GtkEventController *drag = controller (fixture, GTK_TYPE_GESTURE_DRAG, 0);
  double x, y, width, height, low, high;

  cs_plot_view_set_drag (fixture->view, CS_PLOT_DRAG_BRUSH);
  frame_of (fixture, &x, &y, &width, &height);
  g_signal_emit_by_name (drag, "drag-begin", x + 0.9 * width, y + 0.5 * height);
  g_signal_emit_by_name (drag, "drag-update", -0.3 * width, 5.0);
  g_signal_emit_by_name (drag, "drag-end", -0.3 * width, 5.0);
  g_assert_cmpfloat_with_epsilon (fixture->low, 0.6, 1e-9);
  g_assert_cmpfloat_with_epsilon (fixture->high, 0.9, 1e-9);
  g_assert_true (cs_plot_get_brush (cs_plot_view_get_plot (fixture->view), &low, &high));
  g_autoptr (GdkTexture) shown = picture (fixture);
  /* A click without a drag drops it. */
  g_signal_emit_by_name (drag, "drag-begin", x + 0.2 * width, y + 0.5 * height);
  g_signal_emit_by_name (drag, "drag-end", 0.0, 0.0);
  g_assert_true (fixture->low == -INFINITY && fixture->high == INFINITY);
  g_assert_false (cs_plot_get_brush (cs_plot_view_get_plot (fixture->view), &low, &high));
  g_assert_cmpint (fixture->n_brushes, ==, 2);
}

static void
test_brush_by_keys (Fixture *fixture, gconstpointer data)
{
  g_assert_false (press_key (fixture, GDK_KEY_Escape, 0));
  g_assert_true (press_key (fixture, GDK_KEY_Right, GDK_SHIFT_MASK));
  g_assert_cmpfloat_with_epsilon (fixture->low, 0.4, 1e-9);
  g_assert_true (press_key (fixture, GDK_KEY_Right, GDK_SHIFT_MASK));
  g_assert_cmpfloat_with_epsilon (fixture->high, 0.62, 1e-9);
  g_assert_true (press_key (fixture, GDK_KEY_Left, GDK_SHIFT_MASK | GDK_CONTROL_MASK));
  g_assert_cmpfloat_with_epsilon (fixture->low, 0.38, 1e-9);
  g_assert_true (press_key (fixture, GDK_KEY_Escape, 0));
  g_assert_true (fixture->high == INFINITY);
  /* The same again is no change. */
  cs_plot_view_set_brush (fixture->view, NAN, 3);
  g_assert_cmpint (fixture->n_brushes, ==, 4);
  g_assert_false (press_key (fixture, GDK_KEY_Left, GDK_ALT_MASK));
}

static void
test_zoom_and_pan (Fixture *fixture, gconstpointer data)
{
  GtkEventController *drag = controller (fixture, GTK_TYPE_GESTURE_DRAG, 0);
  double x, y, width, height, low, high, moved;

  g_assert_true (press_key (fixture, GDK_KEY_plus, 0));
  view_range (fixture, &low, &high);
  g_assert_cmpfloat_with_epsilon (high - low, 0.8, 1e-9);
  g_assert_true (press_key (fixture, GDK_KEY_Right, 0));
  view_range (fixture, &moved, &high);
  g_assert_cmpfloat_with_epsilon (moved - low, 0.08, 1e-9);
  settle (50);
  frame_of (fixture, &x, &y, &width, &height);
  g_signal_emit_by_name (drag, "drag-begin", x + 100, y + 50);
  g_signal_emit_by_name (drag, "drag-update", 0.25 * width, 3.0);
  g_signal_emit_by_name (drag, "drag-update", 0.5 * width, 3.0);
  g_signal_emit_by_name (drag, "drag-end", 0.5 * width, 3.0);
  view_range (fixture, &low, &high);
  g_assert_cmpfloat_with_epsilon (low, moved - 0.4, 1e-6);
  g_autoptr (GdkTexture) shown = picture (fixture);
  g_signal_emit_by_name (controller (fixture, GTK_TYPE_GESTURE_CLICK, GDK_BUTTON_PRIMARY),
                         "pressed", 2, 5.0, 5.0);
  view_range (fixture, &low, &high);
  g_assert_cmpfloat (low, ==, 0);
  g_assert_cmpfloat (high, ==, 1);
  g_assert_cmpint (fixture->n_brushes, ==, 0);
}

/* The menu comes up under the pointer, and GTK 4.8 begins to wait for a tooltip there. It asks the
 * popover's surface for the pointer when that time is over, even if the popover has gone by then,
 * with a critical message: so the popover stays for as long. */
static void
wait_for_menu (Fixture *fixture)
{
  const gint64 end = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;

  while (!gtk_widget_get_mapped (fixture->view->menu) && g_get_monotonic_time () < end)
    settle (10);
  g_assert_true (gtk_widget_get_mapped (fixture->view->menu));
  settle (2 * TOOLTIP_DELAY);
  gtk_popover_popdown (GTK_POPOVER (fixture->view->menu));
  settle (50);
}

static void
test_actions (Fixture *fixture, gconstpointer data)
{
  GtkWidget *widget = GTK_WIDGET (fixture->view);
  gboolean log_y = FALSE;
  double low, high;

  g_assert_true (gtk_widget_activate_action (widget, "plot.zoom-in", NULL));
  view_range (fixture, &low, &high);
  g_assert_cmpfloat (high - low, <, 0.9);
  g_assert_true (gtk_widget_activate_action (widget, "plot.reset", NULL));
  g_assert_true (gtk_widget_activate_action (widget, "plot.log-y", NULL));
  g_object_get (widget, "log-y", &log_y, NULL);
  g_assert_true (log_y);
  g_autoptr (GdkTexture) shown = picture (fixture);
  g_assert_true (gtk_widget_activate_action (widget, "plot.copy", NULL));
  g_assert_true (press_key (fixture, GDK_KEY_Menu, 0));
  wait_for_menu (fixture);
}

static void
test_themes (Fixture *fixture, gconstpointer data)
{
  AdwStyleManager *manager = adw_style_manager_get_default ();
  g_autoptr (GdkTexture) light = picture (fixture), dark = NULL;

  adw_style_manager_set_color_scheme (manager, ADW_COLOR_SCHEME_FORCE_DARK);
  dark = picture (fixture);
  g_assert_cmpint (difference (light, dark), >, 2000);
  g_assert_cmpfloat (cs_plot_get_theme (cs_plot_view_get_plot (fixture->view))->foreground.red, >,
                     0.9);
  adw_style_manager_set_color_scheme (manager, ADW_COLOR_SCHEME_FORCE_LIGHT);
  settle (50);
  g_assert_cmpfloat (cs_plot_get_theme (cs_plot_view_get_plot (fixture->view))->foreground.red, <,
                     0.3);
}

static void
test_point_activated (Fixture *fixture, gconstpointer data)
{
  const CsScalingPoint points[] = { { 0.1, 0.1, 1483, 412, CS_PLOT_CLASS_CHAT_SPECIFIC } };
  GtkEventController *drag = controller (fixture, GTK_TYPE_GESTURE_DRAG, 0);
  double x, y, width, height;

  cs_plot_view_set_plot (fixture->view, cs_figure_scaling (points, 1));
  gtk_test_accessible_assert_property (fixture->view, GTK_ACCESSIBLE_PROPERTY_LABEL,
                                       "Latent Scaling");
  g_autoptr (GdkTexture) shown = picture (fixture);
  frame_of (fixture, &x, &y, &width, &height);
  g_signal_emit_by_name (drag, "drag-begin", x + width * 0.2 / 1.2, y + height * (1 - 0.2 / 1.2));
  g_signal_emit_by_name (drag, "drag-end", 0.0, 0.0);
  g_assert_cmpuint (fixture->activated, ==, 1483);
  cs_plot_view_set_plot (fixture->view, NULL);
  settle (50);
  g_assert_false (press_key (fixture, GDK_KEY_plus, 0));
  g_signal_emit_by_name (drag, "drag-begin", 30.0, 30.0);
  g_signal_emit_by_name (drag, "drag-update", 10.0, 10.0);
  g_signal_emit_by_name (drag, "drag-end", 10.0, 10.0);
  cs_plot_view_reset (fixture->view);
}

static void
test_save (Fixture *fixture, gconstpointer data)
{
  g_autofree char *folder = g_dir_make_tmp ("cs-plot-view-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "plot.png", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (cs_plot_view_save (fixture->view, path, &error));
  g_assert_no_error (error);
  g_autoptr (GdkTexture) saved = gdk_texture_new_from_filename (path, &error);
  g_assert_no_error (error);
  g_assert_cmpint (gdk_texture_get_width (saved), ==, 1800);
  /* Solid ground in the file, whatever shines through on the screen. */
  g_autofree guint32 *pixels = g_new (guint32, 1800 * 1000);
  gdk_texture_download (saved, (guchar *)pixels, 1800 * 4);
  g_assert_cmpuint (pixels[0] >> 24, ==, 255);
  g_unlink (path);
  g_rmdir (folder);
}

static void
wait_for_pictures (CsPlotView *const *views, int n)
{
  const gint64 end = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;
  bool all = false;

  while (!all && g_get_monotonic_time () < end)
    {
      settle (20);
      all = true;
      for (int i = 0; i < n; i++)
        all = all && views[i]->picture != NULL && !views[i]->outdated;
    }
}

/* Plots that are dear to draw come one a frame, all of them soon. */
static void
test_one_a_frame (Fixture *fixture, gconstpointer data)
{
  enum { N = 5 };
  CsPlotView *views[N];
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 0);
  double counts[100] = { [50] = 1000 };

  for (int i = 0; i < N; i++)
    {
      views[i] = CS_PLOT_VIEW (cs_plot_view_new (cs_figure_norm_ratio (counts, NULL, false)));
      gtk_box_append (GTK_BOX (box), GTK_WIDGET (views[i]));
    }
  fixture->view = views[0];
  adw_window_set_content (ADW_WINDOW (fixture->window), box);
  for (int round = 0; round < 3; round++)
    {
      wait_for_pictures (views, N);
      for (int i = 0; i < N; i++)
        {
          g_assert_nonnull (views[i]->picture);
          g_assert_false (views[i]->outdated);
          for (int j = 0; j < i; j++)
            g_assert_cmpint (views[i]->drawn_frame, !=, views[j]->drawn_frame);
        }
      for (int i = 0; i < N; i++)
        {
          views[i]->cost = G_MAXINT32;
          cs_plot_view_changed (views[i]);
          g_assert_nonnull (views[i]->picture);
        }
    }
}

#define ADD(name, function)                                                                        \
  g_test_add ("/plot-view/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  gtk_test_init (&argc, &argv, NULL);
  adw_init ();
  ADD ("accessible", test_accessible);
  ADD ("hover", test_hover);
  ADD ("brush-by-drag", test_brush_by_drag);
  ADD ("brush-by-keys", test_brush_by_keys);
  ADD ("zoom-and-pan", test_zoom_and_pan);
  ADD ("actions", test_actions);
  ADD ("themes", test_themes);
  ADD ("point-activated", test_point_activated);
  ADD ("save", test_save);
  ADD ("one-a-frame", test_one_a_frame);
  return g_test_run ();
}
