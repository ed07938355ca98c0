"""What stands beside and drives on the roads: meshes of buildings, trees, vehicles."""
