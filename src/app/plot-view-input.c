/* Pointer, wheel and keys over a plot. */
#include "plot-view-private.h"

#include <math.h>

#define ZOOM_STEP 0.8
#define PAN_STEP 0.1
#define BRUSH_STEP 0.02
#define CLICK_SLOP 4.0

/* Where a pixel is on an axis: 0 … 1 of the data area, limited to it. */
static double
unit_at (CsPlotView *self, bool along_y, double pixel)
{
  double x, y, width, height;

  cs_plot_get_frame (self->plot, gtk_widget_get_width (GTK_WIDGET (self)),
                     gtk_widget_get_height (GTK_WIDGET (self)), &x, &y, &width, &height);
  return CLAMP (along_y ? 1 - (pixel - y) / height : (pixel - x) / width, 0, 1);
}

static void
motion_cb (CsPlotView *self, double x, double y)
{
  self->has_pointer = true;
  self->pointer_x = x;
  self->pointer_y = y;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

static void
leave_cb (CsPlotView *self)
{
  self->has_pointer = false;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

static gboolean
scroll_cb (CsPlotView *self, double dx, double dy, GtkEventController *controller)
{
  GdkModifierType state = gtk_event_controller_get_current_event_state (controller);
  bool along_y = (state & GDK_SHIFT_MASK) != 0;
  /* Shift turns the wheel sideways on some systems. */
  double steps = dy != 0 ? dy : dx;

  if (self->plot == NULL || !self->has_pointer || steps == 0)
    return GDK_EVENT_PROPAGATE;
  if (!(state & GDK_CONTROL_MASK) && !gtk_widget_has_focus (GTK_WIDGET (self)))
    return GDK_EVENT_PROPAGATE;
  cs_plot_view_zoom (self, along_y,
                     unit_at (self, along_y, along_y ? self->pointer_y : self->pointer_x),
                     pow (ZOOM_STEP, -CLAMP (steps, -5, 5)));
  return GDK_EVENT_STOP;
}

static void
drag_begin_cb (CsPlotView *self, double x, double y, GtkGesture *gesture)
{
  GdkModifierType state =
      gtk_event_controller_get_current_event_state (GTK_EVENT_CONTROLLER (gesture));
  bool other = (state & GDK_SHIFT_MASK) != 0;

  gtk_widget_grab_focus (GTK_WIDGET (self));
  if (self->plot == NULL)
    return;
  self->drag_brushes = (self->drag == CS_PLOT_DRAG_BRUSH) != other;
  self->dragged = false;
  self->press_x = self->drag_x = x;
  self->press_y = self->drag_y = y;
  self->drag_start = cs_axis_from_unit (cs_plot_x (self->plot), unit_at (self, false, x));
}

static void
pan_to (CsPlotView *self, double x, double y)
{
  double left, top, width, height;

  cs_plot_get_frame (self->plot, gtk_widget_get_width (GTK_WIDGET (self)),
                     gtk_widget_get_height (GTK_WIDGET (self)), &left, &top, &width, &height);
  cs_axis_pan (cs_plot_x (self->plot), (self->drag_x - x) / width);
  /* The height is fitted to the data until somebody looks closer. */
  if (cs_axis_is_zoomed (cs_plot_y (self->plot)))
    cs_axis_pan (cs_plot_y (self->plot), (y - self->drag_y) / height);
  self->drag_x = x;
  self->drag_y = y;
  cs_plot_view_changed (self);
}

static void
drag_update_cb (CsPlotView *self, double dx, double dy, GtkGesture *gesture)
{
  double at;

  if (self->plot == NULL)
    return;
  if (!self->dragged && fabs (dx) < CLICK_SLOP && fabs (dy) < CLICK_SLOP)
    return;
  if (!self->dragged)
    gtk_gesture_set_state (gesture, GTK_EVENT_SEQUENCE_CLAIMED);
  self->dragged = self->dragging = true;
  if (!self->drag_brushes)
    {
      pan_to (self, self->press_x + dx, self->press_y + dy);
      return;
    }
  at = cs_axis_from_unit (cs_plot_x (self->plot), unit_at (self, false, self->press_x + dx));
  cs_plot_view_set_brush (self, MIN (self->drag_start, at), MAX (self->drag_start, at));
}

static void
activate_point (CsPlotView *self, double x, double y)
{
  g_auto (CsPlotReadout) readout = { 0 };

  if (!cs_plot_locate (self->plot, gtk_widget_get_width (GTK_WIDGET (self)),
                       gtk_widget_get_height (GTK_WIDGET (self)), x, y, &readout))
    return;
  for (guint i = 0; i < readout.hits->len; i++)
    {
      const CsPlotHit *hit = &g_array_index (readout.hits, CsPlotHit, i);

      if (hit->has_id)
        {
          cs_plot_view_activate (self, hit->id);
          return;
        }
    }
}

static void
drag_end_cb (CsPlotView *self, double dx, double dy, GtkGesture *gesture)
{
  bool dragged = self->dragged;

  self->dragging = self->dragged = false;
  gtk_widget_queue_draw (GTK_WIDGET (self));
  if (self->plot == NULL || dragged)
    return;
  if (self->drag_brushes)
    cs_plot_view_set_brush (self, NAN, NAN);
  activate_point (self, self->press_x, self->press_y);
}

static void
pressed_cb (CsPlotView *self, int n_press, double x, double y, GtkGesture *gesture)
{
  if (n_press == 2)
    cs_plot_view_reset (self);
}

static void
secondary_cb (CsPlotView *self, int n_press, double x, double y, GtkGesture *gesture)
{
  gtk_gesture_set_state (gesture, GTK_EVENT_SEQUENCE_CLAIMED);
  cs_plot_view_show_menu (self, x, y);
}

/* Moves one end of the selection; the first press selects the middle fifth. */
static void
nudge_brush (CsPlotView *self, bool low_end, double direction)
{
  CsAxis *axis = cs_plot_x (self->plot);
  double low, high, step;

  if (!cs_plot_get_brush (self->plot, &low, &high))
    {
      cs_plot_view_set_brush (self, cs_axis_from_unit (axis, 0.4), cs_axis_from_unit (axis, 0.6));
      return;
    }
  step = direction * BRUSH_STEP;
  if (low_end)
    low = cs_axis_from_unit (axis, CLAMP (cs_axis_to_unit (axis, low) + step, 0, 1));
  else
    high = cs_axis_from_unit (axis, CLAMP (cs_axis_to_unit (axis, high) + step, 0, 1));
  if (low < high)
    cs_plot_view_set_brush (self, low, high);
}

static void
pan_by_key (CsPlotView *self, guint key)
{
  bool along_y = key == GDK_KEY_Up || key == GDK_KEY_Down;
  double direction = key == GDK_KEY_Right || key == GDK_KEY_Up ? 1 : -1;

  cs_axis_pan (along_y ? cs_plot_y (self->plot) : cs_plot_x (self->plot), direction * PAN_STEP);
  cs_plot_view_changed (self);
}

static gboolean
arrow_pressed (CsPlotView *self, guint key, GdkModifierType state)
{
  bool sideways = key == GDK_KEY_Left || key == GDK_KEY_Right;

  /* Alt+←/→ is the history of the window. */
  if (state & GDK_ALT_MASK)
    return GDK_EVENT_PROPAGATE;
  if ((state & GDK_SHIFT_MASK) && sideways)
    nudge_brush (self, (state & GDK_CONTROL_MASK) != 0, key == GDK_KEY_Right ? 1 : -1);
  else
    pan_by_key (self, key);
  return GDK_EVENT_STOP;
}

static gboolean
key_pressed_cb (CsPlotView *self, guint key, guint code, GdkModifierType state)
{
  double low, high;

  if (self->plot == NULL)
    return GDK_EVENT_PROPAGATE;
  switch (key)
    {
    case GDK_KEY_Left:
    case GDK_KEY_Right:
    case GDK_KEY_Up:
    case GDK_KEY_Down:
      return arrow_pressed (self, key, state);
    case GDK_KEY_plus:
    case GDK_KEY_equal:
    case GDK_KEY_KP_Add:
      cs_plot_view_zoom (self, false, 0.5, ZOOM_STEP);
      return GDK_EVENT_STOP;
    case GDK_KEY_minus:
    case GDK_KEY_KP_Subtract:
      cs_plot_view_zoom (self, false, 0.5, 1 / ZOOM_STEP);
      return GDK_EVENT_STOP;
    case GDK_KEY_0:
    case GDK_KEY_KP_0:
      cs_plot_view_reset (self);
      return GDK_EVENT_STOP;
    case GDK_KEY_Escape:
      if (!cs_plot_get_brush (self->plot, &low, &high))
        return GDK_EVENT_PROPAGATE;
      cs_plot_view_set_brush (self, NAN, NAN);
      return GDK_EVENT_STOP;
    case GDK_KEY_Menu:
      cs_plot_view_show_menu (self, gtk_widget_get_width (GTK_WIDGET (self)) / 2.0,
                              gtk_widget_get_height (GTK_WIDGET (self)) / 2.0);
      return GDK_EVENT_STOP;
    default:
      return GDK_EVENT_PROPAGATE;
    }
}

void
cs_plot_view_add_gestures (CsPlotView *self)
{
  GtkEventController *motion = gtk_event_controller_motion_new ();
  GtkEventController *scroll =
      gtk_event_controller_scroll_new (GTK_EVENT_CONTROLLER_SCROLL_BOTH_AXES);
  GtkEventController *keys = gtk_event_controller_key_new ();
  GtkGesture *drag = gtk_gesture_drag_new (), *click = gtk_gesture_click_new ();
  GtkGesture *secondary = gtk_gesture_click_new ();

  g_signal_connect_swapped (motion, "enter", G_CALLBACK (motion_cb), self);
  g_signal_connect_swapped (motion, "motion", G_CALLBACK (motion_cb), self);
  g_signal_connect_swapped (motion, "leave", G_CALLBACK (leave_cb), self);
  g_signal_connect_swapped (scroll, "scroll", G_CALLBACK (scroll_cb), self);
  g_signal_connect_swapped (keys, "key-pressed", G_CALLBACK (key_pressed_cb), self);
  g_signal_connect_swapped (drag, "drag-begin", G_CALLBACK (drag_begin_cb), self);
  g_signal_connect_swapped (drag, "drag-update", G_CALLBACK (drag_update_cb), self);
  g_signal_connect_swapped (drag, "drag-end", G_CALLBACK (drag_end_cb), self);
  g_signal_connect_swapped (click, "pressed", G_CALLBACK (pressed_cb), self);
  g_signal_connect_swapped (secondary, "pressed", G_CALLBACK (secondary_cb), self);
  gtk_gesture_single_set_button (GTK_GESTURE_SINGLE (secondary), GDK_BUTTON_SECONDARY);
  gtk_widget_add_controller (GTK_WIDGET (self), motion);
  gtk_widget_add_controller (GTK_WIDGET (self), scroll);
  gtk_widget_add_controller (GTK_WIDGET (self), keys);
  gtk_widget_add_controller (GTK_WIDGET (self), GTK_EVENT_CONTROLLER (drag));
  gtk_widget_add_controller (GTK_WIDGET (self), GTK_EVENT_CONTROLLER (click));
  gtk_widget_add_controller (GTK_WIDGET (self), GTK_EVENT_CONTROLLER (secondary));
}
