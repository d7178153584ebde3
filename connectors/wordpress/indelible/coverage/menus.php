<?php
declare( strict_types=1 );

namespace Indelible\Coverage;

use Indelible\Change;
use Indelible\Value;
use Indelible\Watcher;

/** Menus with their items: one entry, however many items were moved. Terms and Posts say when one is touched. */
final class Menus extends Watcher {
	public function hook(): void {}

	public function touch_menu_of( int $item ): void {
		foreach ( (array) wp_get_object_terms( $item, 'nav_menu', array( 'fields' => 'ids' ) ) as $menu ) {
			is_numeric( $menu ) && $this->touch( (int) $menu );
		}
	}

	public function state( string $id ): ?array {
		global $wpdb;
		$sql  = "SELECT t.name, t.slug, tt.description, tt.term_taxonomy_id AS tt_id FROM $wpdb->terms t JOIN $wpdb->term_taxonomy tt USING (term_id)
			WHERE t.term_id = %d AND tt.taxonomy = 'nav_menu'";
		$menu = $wpdb->get_row( $wpdb->prepare( $sql, (int) $id ) );
		if ( null === $menu ) {
			return null;
		}
		return array(
			'name'        => Value::utf8( $menu->name ),
			'slug'        => $menu->slug,
			'description' => Value::utf8( $menu->description ),
			'items'       => self::items( (int) $menu->tt_id ),
		);
	}

	private static function items( int $tt_id ): array {
		global $wpdb;
		$sql   = "SELECT p.ID, p.post_title, p.post_excerpt, p.post_content, p.menu_order FROM $wpdb->term_relationships r JOIN $wpdb->posts p ON p.ID = r.object_id
			WHERE r.term_taxonomy_id = %d AND p.post_type = 'nav_menu_item' AND p.post_status = 'publish' ORDER BY p.menu_order, p.ID";
		$items = array();
		foreach ( (array) $wpdb->get_results( $wpdb->prepare( $sql, $tt_id ) ) as $row ) {
			$meta = (array) self::meta( 'post', (int) $row->ID, static fn ( string $key ): bool => str_starts_with( $key, '_menu_item_' ) );
			$item = array( 'id' => (int) $row->ID, 'title' => Value::utf8( $row->post_title ), 'attr_title' => $row->post_excerpt, 'description' => $row->post_content );
			foreach ( $meta as $key => $value ) {
				$item[ substr( $key, strlen( '_menu_item_' ) ) ] = $value;
			}
			$items[] = $item;
		}
		return $items;
	}

	public function changes( string $id, ?array $before, ?array $after ): array {
		$verb = self::verb( $before, $after );
		return array( new Change( "menus.$verb", 'menu', $id, ( $after ?? $before )['name'], $before, $after ) );
	}
}
