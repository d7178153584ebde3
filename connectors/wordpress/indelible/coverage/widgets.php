<?php
declare( strict_types=1 );

namespace Indelible\Coverage;

use Indelible\Change;
use Indelible\Value;
use Indelible\Watcher;

/**
 * Widgets: what is set in them (an option for each kind of widget) and where they are (one option for all). Moving one
 * through the inactive widgets, as WordPress does, is not seen: only where it was and where it is.
 */
final class Widgets extends Watcher {
	public function hook(): void {} // Options says when one of the options is touched.

	/** All widgets by id, and the order in each sidebar. */
	public function state( string $id ): ?array {
		global $wpdb;
		$rows    = $wpdb->get_results( "SELECT option_name, option_value FROM $wpdb->options WHERE option_name = 'sidebars_widgets' OR option_name LIKE 'widget\_%'" );
		$options = array();
		foreach ( (array) $rows as $row ) {
			$options[ $row->option_name ] = Value::stored( $row->option_value );
		}
		$sidebars = array_filter( (array) ( $options['sidebars_widgets'] ?? array() ), 'is_array' );
		$where    = array();
		// The REST API leaves a new widget among the inactive ones as well; where it is shown is where it is.
		$sidebars = array_intersect_key( $sidebars, array( 'wp_inactive_widgets' => true ) ) + $sidebars;
		foreach ( $sidebars as $sidebar => $widgets ) {
			foreach ( $widgets as $widget ) {
				$where[ (string) $widget ] = (string) $sidebar;
			}
		}
		unset( $options['sidebars_widgets'] );
		return array( 'widgets' => self::widgets( $options, $where ), 'sidebars' => $sidebars );
	}

	/** @param array<string, string> $where The sidebar of each widget. */
	private static function widgets( array $options, array $where ): array {
		$widgets = array();
		foreach ( $options as $name => $instances ) {
			foreach ( is_array( $instances ) ? $instances : array() as $number => $settings ) {
				$widget = substr( $name, strlen( 'widget_' ) ) . "-$number";
				// WordPress adds settings before it places them; what is nowhere is not there.
				if ( is_int( $number ) && is_array( $settings ) && isset( $where[ $widget ] ) ) {
					$widgets[ $widget ] = array( 'sidebar' => $where[ $widget ], 'settings' => (object) $settings );
				}
			}
		}
		return $widgets;
	}

	public function changes( string $id, ?array $before, ?array $after ): array {
		$old     = $before['widgets'] ?? array();
		$new     = $after['widgets'] ?? array();
		$changes = array();
		foreach ( array_keys( $old + $new ) as $widget ) {
			$was = $old[ $widget ] ?? null;
			$is  = $new[ $widget ] ?? null;
			if ( ! Value::same( $was, $is ) ) {
				$moved     = null !== $was && null !== $is && $was['sidebar'] !== $is['sidebar'];
				$settings  = (array) ( $is ?? $was )['settings'];
				$title     = is_string( $settings['title'] ?? null ) && '' !== $settings['title'] ? $settings['title'] : $widget;
				$changes[] = new Change( 'widgets.' . self::verb( $was, $is, $moved ? 'moved' : 'updated' ), 'widget', (string) $widget, $title, $was, $is );
			}
		}
		return array_merge( $changes, self::sorted( $before['sidebars'] ?? array(), $after['sidebars'] ?? array() ) );
	}

	/** Sidebars whose widgets are the same in another order. @return Change[] */
	private static function sorted( array $old, array $new ): array {
		$changes = array();
		foreach ( array_intersect_key( $old, $new ) as $sidebar => $was ) {
			$is = $new[ $sidebar ];
			if ( $was !== $is && count( $was ) === count( $is ) && ! array_diff( $was, $is ) && array_values( $was ) !== array_values( $is ) ) {
				$changes[] = new Change( 'widgets.sorted', 'sidebar', (string) $sidebar, (string) $sidebar, array( 'widgets' => array_values( $was ) ), array( 'widgets' => array_values( $is ) ) );
			}
		}
		return $changes;
	}
}
