#include "steering-columns.h"

#include <stdbool.h>

#define COLUMN_WIDTH 340
#define SPACING 12

#define CS_TYPE_STEERING_LAYOUT (cs_steering_layout_get_type ())
G_DECLARE_FINAL_TYPE (CsSteeringLayout, cs_steering_layout, CS, STEERING_LAYOUT, GtkLayoutManager)

struct _CsSteeringLayout {
  GtkLayoutManager parent;
};

struct _CsSteeringColumns {
  GtkWidget parent;
};

G_DEFINE_FINAL_TYPE (CsSteeringColumns, cs_steering_columns, GTK_TYPE_WIDGET)
G_DEFINE_FINAL_TYPE (CsSteeringLayout, cs_steering_layout, GTK_TYPE_LAYOUT_MANAGER)

/* Called for each row: one or two children (second may be NULL) over the whole width or in columns. */
typedef void (*RowFunc) (GtkWidget *first, GtkWidget *second, int column, int full, int y, int height);

static GtkWidget *
next_shown (GtkWidget *child)
{
  while (child != NULL && !gtk_widget_should_layout (child))
    child = gtk_widget_get_next_sibling (child);
  return child;
}

static int
child_height (GtkWidget *child, int width, bool natural)
{
  int minimum, wanted;

  if (child == NULL)
    return 0;
  gtk_widget_measure (child, GTK_ORIENTATION_VERTICAL, width, &minimum, &wanted, NULL, NULL);
  return natural ? wanted : minimum;
}

/* Lays rows out from the top; returns the whole height. func may be NULL. */
static int
for_each_row (GtkWidget *widget, int width, bool natural, RowFunc func)
{
  const bool two = width >= 2 * COLUMN_WIDTH + SPACING;
  const int column = two ? (width - SPACING) / 2 : width;
  GtkWidget *first = next_shown (gtk_widget_get_first_child (widget));
  int y = 0;

  while (first != NULL)
    {
      GtkWidget *next = next_shown (gtk_widget_get_next_sibling (first));
      GtkWidget *second = two ? next : NULL;
      const int first_width = second != NULL ? column : width;
      int height = MAX (child_height (first, first_width, natural), child_height (second, column, natural));

      if (func != NULL)
        func (first, second, first_width, width, y, height);
      y += height + SPACING;
      first = second != NULL ? next_shown (gtk_widget_get_next_sibling (second)) : next;
    }
  return MAX (y - SPACING, 0);
}

static void
allocate_row (GtkWidget *first, GtkWidget *second, int column, int full, int y, int height)
{
  const int right = full - column;
  const bool rtl = gtk_widget_get_direction (first) == GTK_TEXT_DIR_RTL;

  gtk_widget_size_allocate (first, &(GtkAllocation) { rtl && second != NULL ? right : 0, y, column, height }, -1);
  if (second != NULL)
    gtk_widget_size_allocate (second, &(GtkAllocation) { rtl ? 0 : right, y, column, height }, -1);
}

static GtkSizeRequestMode
get_request_mode (GtkLayoutManager *layout, GtkWidget *widget)
{
  return GTK_SIZE_REQUEST_HEIGHT_FOR_WIDTH;
}

static void
measure (GtkLayoutManager *layout, GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum, int *natural,
         int *minimum_baseline, int *natural_baseline)
{
  *minimum = *natural = 0;
  if (orientation == GTK_ORIENTATION_VERTICAL)
    {
      const int width = for_size >= 0 ? for_size : 2 * COLUMN_WIDTH + SPACING;

      *minimum = for_each_row (widget, width, false, NULL);
      *natural = MAX (*minimum, for_each_row (widget, width, true, NULL));
      return;
    }
  for (GtkWidget *w = next_shown (gtk_widget_get_first_child (widget)); w != NULL;
       w = next_shown (gtk_widget_get_next_sibling (w)))
    {
      int child_minimum;

      gtk_widget_measure (w, GTK_ORIENTATION_HORIZONTAL, -1, &child_minimum, NULL, NULL, NULL);
      *minimum = MAX (*minimum, child_minimum);
    }
  *natural = MAX (*minimum, 2 * COLUMN_WIDTH + SPACING);
}

static void
allocate (GtkLayoutManager *layout, GtkWidget *widget, int width, int height, int baseline)
{
  const bool natural = for_each_row (widget, width, true, NULL) <= height;

  for_each_row (widget, width, natural, allocate_row);
}

static void
cs_steering_layout_class_init (CsSteeringLayoutClass *klass)
{
  GtkLayoutManagerClass *layout_class = GTK_LAYOUT_MANAGER_CLASS (klass);

  layout_class->get_request_mode = get_request_mode;
  layout_class->measure = measure;
  layout_class->allocate = allocate;
}

static void
cs_steering_layout_init (CsSteeringLayout *self)
{
}

static void
cs_steering_columns_dispose (GObject *object)
{
  GtkWidget *child;

  while ((child = gtk_widget_get_first_child (GTK_WIDGET (object))) != NULL)
    gtk_widget_unparent (child);
  G_OBJECT_CLASS (cs_steering_columns_parent_class)->dispose (object);
}

static void
cs_steering_columns_class_init (CsSteeringColumnsClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = cs_steering_columns_dispose;
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), CS_TYPE_STEERING_LAYOUT);
}

static void
cs_steering_columns_init (CsSteeringColumns *self)
{
}
