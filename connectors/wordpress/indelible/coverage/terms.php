<?php
declare( strict_types=1 );

namespace Indelible\Coverage;

use Indelible\Change;
use Indelible\Coverage;
use Indelible\Hooks;
use Indelible\Value;
use Indelible\Watcher;

/** Categories, tags and terms of custom taxonomies. Menus are terms as well, and told by Menus. */
final class Terms extends Watcher {
	public function hook(): void {
		Hooks::add( 'edit_terms', fn ( $id, $taxonomy ) => self::route( (int) $id, $taxonomy ) );
		Hooks::add( 'created_term', fn ( $id, $tt_id, $taxonomy ) => self::route( (int) $id, $taxonomy, true ) );
		Hooks::add( 'pre_delete_term', fn ( $id, $taxonomy ) => self::route( (int) $id, $taxonomy ) );
		// Deleting a term moves its children up, without saying anything of them but this.
		Hooks::add( 'edit_term_taxonomies', fn ( $tt_ids ) => array_map( self::route_tt( ... ), (array) $tt_ids ) );
		// Menu items come and go by their relation to the menu.
		Hooks::add( 'add_term_relationship', fn ( $id, $tt_id, $taxonomy ) => 'nav_menu' === $taxonomy && self::route_tt( $tt_id ) );
		$this->hook_meta( 'term', static fn (): bool => true );
	}

	private static function route( int $id, string $taxonomy, bool $new = false ): void {
		$watcher = Coverage::watcher( 'nav_menu' === $taxonomy ? Menus::class : self::class );
		$new ? $watcher->created( $id ) : $watcher->touch( $id );
	}

	private static function route_tt( int|string $tt_id ): void {
		$term = get_term_by( 'term_taxonomy_id', (int) $tt_id );
		$term && self::route( $term->term_id, $term->taxonomy );
	}

	public function state( string $id ): ?array {
		global $wpdb;
		$sql = "SELECT t.name, t.slug, tt.taxonomy, tt.description, tt.parent FROM $wpdb->terms t JOIN $wpdb->term_taxonomy tt USING (term_id) WHERE t.term_id = %d LIMIT 1";
		$row = $wpdb->get_row( $wpdb->prepare( $sql, (int) $id ) );
		// The theme that a template belongs to is a term that nobody edits.
		if ( null === $row || in_array( $row->taxonomy, array( 'nav_menu', 'wp_theme', 'wp_template_part_area' ), true ) ) {
			return null;
		}
		return array(
			'taxonomy'    => $row->taxonomy,
			'name'        => Value::utf8( $row->name ),
			'slug'        => $row->slug,
			'description' => Value::utf8( $row->description ),
			'parent'      => (int) $row->parent,
			'meta'        => self::meta( 'term', (int) $id, static fn (): bool => true ),
		);
	}

	public function changes( string $id, ?array $before, ?array $after ): array {
		$now = $after ?? $before;
		return array( new Change( 'taxonomies.' . self::verb( $before, $after ), $now['taxonomy'], $id, $now['name'], $before, $after ) );
	}
}
